//! What happened to one subject lately: the buffer that watchers read from, and
//! the history that they resume from. One and the same, so a slow watcher costs
//! no more than an idle one: it only falls behind.

use std::{
    collections::VecDeque,
    ops::Deref,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;

use crate::{domain::Time, journal::Revision};

/// The visible changes of one journal entry.
#[derive(Debug)]
pub struct Update<C> {
    /// The entry's revision.
    pub revision: Revision,
    /// The changes, in the order they were applied; `None` if they are so many
    /// that the subject as a whole is shorter.
    pub changes: Option<Vec<C>>,
    /// When the entry was received.
    pub(crate) at: Time,
    bytes: usize,
    /// The same for everybody who is sent it, so it is made once.
    encoded: OnceLock<Encoded>,
}

/// What a watcher is told at once: updates in order, at least one.
///
/// Watchers that keep up are at the same revision, so it is made for the first of
/// them and shared by the others.
#[derive(Debug)]
pub struct Batch<C> {
    updates: Vec<Arc<Update<C>>>,
    /// The same for everybody who is sent it, so it is made once.
    message: OnceLock<Bytes>,
}

/// What a front made of an update.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// A message of this update alone.
    pub message: Bytes,
    /// How much of it is about the revision.
    pub head: usize,
    /// Where in it the changes begin, which go on to its end.
    pub changes_at: usize,
}

impl Encoded {
    /// What of the message is about the revision.
    pub fn head(&self) -> &[u8] {
        &self.message[..self.head]
    }

    /// What of it is the changes.
    pub fn changes(&self) -> &[u8] {
        &self.message[self.changes_at..]
    }
}

/// How much memory a change takes, and roughly how long it is when encoded.
pub trait Weigh {
    /// Bytes.
    fn bytes(&self) -> usize;
}

/// What one subject's history may hold.
#[derive(Clone, Debug)]
pub struct FeedLimits {
    /// Changes remembered.
    pub changes_max: usize,
    /// Bytes of changes in one update, or in one batch of them, before the
    /// subject as a whole is sent instead, or the batch is cut.
    pub update_bytes_max: usize,
}

/// The updates of one subject: all those after `floor`.
#[derive(Debug)]
pub(crate) struct Feed<C> {
    updates: VecDeque<Arc<Update<C>>>,
    /// What a watcher was told last, for others at the same revision. Kept until there
    /// is more to tell, or what it is of is forgotten: so it takes about as much again.
    told: Option<Arc<Batch<C>>>,
    changes: usize,
    bytes: usize,
    floor: Revision,
    /// The last entry that was applied to the subject, visible or not.
    revision: Revision,
    /// What all feeds take together.
    account: Arc<AtomicUsize>,
}

/// What a feed remembers, at one moment.
#[derive(Debug)]
pub(crate) struct Recent<C> {
    pub(crate) floor: Revision,
    pub(crate) revision: Revision,
    pub(crate) updates: VecDeque<Arc<Update<C>>>,
}

/// What a watcher at some revision has missed.
#[derive(Debug)]
pub(crate) enum Since<C> {
    /// Nothing.
    Nothing,
    /// These updates, and perhaps more after them.
    Updates(Arc<Batch<C>>),
    /// So much at once that only the subject as a whole will do.
    Oversized,
    /// It cannot be told any more.
    Lost,
}

impl<C: Weigh> Feed<C> {
    pub(crate) fn new(floor: Revision, account: Arc<AtomicUsize>) -> Self {
        Self {
            updates: VecDeque::new(),
            told: None,
            changes: 0,
            bytes: 0,
            floor,
            revision: 0,
            account,
        }
    }

    /// A feed that remembers this, as far as the limits let it.
    pub(crate) fn restore(
        recent: Recent<C>,
        limits: &FeedLimits,
        account: Arc<AtomicUsize>,
    ) -> Self {
        let mut feed = Self::new(recent.floor, account);
        feed.revision = recent.revision;
        for update in recent.updates {
            feed.push(Update::within(update, limits.update_bytes_max), limits);
        }
        feed
    }

    /// What it remembers: a few reference counts.
    pub(crate) fn recent(&self) -> Recent<C> {
        Recent {
            floor: self.floor,
            revision: self.revision,
            updates: self.updates.clone(),
        }
    }

    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    /// The revision after which everything is remembered.
    pub(crate) fn floor(&self) -> Revision {
        self.floor
    }

    /// Whether the history reaches back to `revision`.
    pub(crate) fn covers(&self, revision: Revision) -> bool {
        revision >= self.floor
    }

    /// Notes that an entry was applied, and what it changed visibly: all of it.
    pub(crate) fn publish(
        &mut self,
        revision: Revision,
        changes: Vec<C>,
        at: Time,
        limits: &FeedLimits,
    ) {
        // Who has read a revision would never be told of a second part of it.
        debug_assert!(revision > self.revision, "an entry is published once");
        self.revision = revision;
        if changes.is_empty() {
            return;
        }
        let update = Arc::new(Update::new(revision, at, Some(changes)));
        self.push(Update::within(update, limits.update_bytes_max), limits);
    }

    fn push(&mut self, update: Arc<Update<C>>, limits: &FeedLimits) {
        self.told = None;
        self.changes += update.len();
        self.bytes += update.bytes;
        self.account.fetch_add(update.bytes, Ordering::Relaxed);
        self.updates.push_back(update);
        // The last one stays, however long: watchers that keep up need it.
        while self.changes > limits.changes_max && self.updates.len() > 1 {
            self.forget_oldest();
        }
    }

    /// Notes that something up to `revision` was not told, so that nobody resumes
    /// from before it.
    pub(crate) fn raise_floor(&mut self, revision: Revision) {
        while self
            .oldest()
            .is_some_and(|oldest| oldest.revision <= revision)
        {
            self.forget_oldest();
        }
        self.floor = self.floor.max(revision);
    }

    /// Forgets the oldest update.
    pub(crate) fn forget_oldest(&mut self) {
        self.told = None;
        if let Some(update) = self.updates.pop_front() {
            self.floor = update.revision;
            self.changes -= update.len();
            self.bytes -= update.bytes;
            self.account.fetch_sub(update.bytes, Ordering::Relaxed);
            self.shrink();
        }
    }

    /// Gives back memory that was needed only for a while: most subjects are quiet
    /// for most of the time.
    fn shrink(&mut self) {
        if self.updates.is_empty() {
            self.updates = VecDeque::new();
        } else if self.updates.len() < self.updates.capacity() / 4 {
            self.updates.shrink_to(self.updates.capacity() / 2);
        }
    }

    pub(crate) fn oldest(&self) -> Option<&Update<C>> {
        self.updates.front().map(|update| &**update)
    }

    /// Whether anything follows `cursor`.
    pub(crate) fn has_after(&self, cursor: Revision) -> bool {
        self.last_change() > cursor
    }

    /// The last change, or if none is remembered, by when it was.
    pub(crate) fn last_change(&self) -> Revision {
        self.updates.back().map_or(self.floor, |last| last.revision)
    }

    /// What follows `cursor`: whole updates, of at most `update_bytes_max`
    /// together.
    pub(crate) fn since(&mut self, cursor: Revision, limits: &FeedLimits) -> Since<C> {
        if !self.covers(cursor) {
            return Since::Lost;
        }
        let from = self
            .updates
            .partition_point(|update| update.revision <= cursor);
        let Some(first) = self.updates.get(from) else {
            return Since::Nothing;
        };
        if first.changes.is_none() {
            return Since::Oversized;
        }
        if let Some(told) = &self.told
            && told.is_from(first.revision)
        {
            return Since::Updates(Arc::clone(told));
        }
        let batch = Arc::new(self.batch(from, limits.update_bytes_max));
        self.told = Some(Arc::clone(&batch));
        Since::Updates(batch)
    }

    /// The updates from a place on, one at least, as far as they fit.
    fn batch(&self, from: usize, bytes_max: usize) -> Batch<C> {
        let mut bytes = 0;
        let updates = self.updates.range(from..).enumerate();
        let fitting = updates.take_while(|(number, update)| {
            bytes += update.bytes;
            update.changes.is_some() && (bytes <= bytes_max || *number == 0)
        });
        Batch {
            updates: fitting.map(|(_, update)| Arc::clone(update)).collect(),
            message: OnceLock::new(),
        }
    }
}

impl<C> Batch<C> {
    /// What a front made of it, or makes of it now.
    pub fn message(&self, encode: impl FnOnce() -> Bytes) -> &Bytes {
        self.message.get_or_init(encode)
    }

    fn is_from(&self, revision: Revision) -> bool {
        let first = self.updates.first();
        first.is_some_and(|first| first.revision == revision)
    }
}

impl<C> Deref for Batch<C> {
    type Target = [Arc<Update<C>>];

    fn deref(&self) -> &Self::Target {
        &self.updates
    }
}

impl<C: Weigh> Update<C> {
    pub(crate) fn new(revision: Revision, at: Time, changes: Option<Vec<C>>) -> Self {
        let weight: usize = changes.iter().flatten().map(Weigh::bytes).sum();
        let bytes = size_of::<Self>() + weight;
        Self {
            revision,
            changes,
            at,
            bytes,
            encoded: OnceLock::new(),
        }
    }

    /// The same, without its changes if they take more than `bytes_max`.
    fn within(this: Arc<Self>, bytes_max: usize) -> Arc<Self> {
        if this.bytes - size_of::<Self>() <= bytes_max {
            return this;
        }
        Arc::new(Self::new(this.revision, this.at, None))
    }
}

impl<C> Update<C> {
    /// What a front made of it, or makes of it now.
    pub fn encoded(&self, encode: impl FnOnce() -> Encoded) -> &Encoded {
        self.encoded.get_or_init(encode)
    }

    /// How many changes it counts as.
    fn len(&self) -> usize {
        self.changes.as_ref().map_or(1, Vec::len)
    }
}

impl<C> Drop for Feed<C> {
    fn drop(&mut self) {
        self.account.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
