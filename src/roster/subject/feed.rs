//! What happened to one subject lately. Watchers read from it, and resume from it: a slow
//! watcher needs no buffer of its own, it is only behind in this one.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{domain::Time, journal::Revision};

use super::entry_changes::{ChangeBatch, EntryChanges, Weigh};

/// What one subject's history may hold.
#[derive(Clone, Debug)]
pub struct FeedLimits {
    /// How many changes are remembered.
    pub changes_max: usize,
    /// Bytes of the changes of one entry, or of several together. For an entry of more, the
    /// subject as a whole is sent instead; several are sent as more than one batch.
    pub update_bytes_max: usize,
}

/// The visible changes of one subject: all those after `floor`.
#[derive(Debug)]
pub(crate) struct Feed<C> {
    entries: VecDeque<Arc<EntryChanges<C>>>,
    /// The batch that was made last, for other watchers at the same revision. It is dropped
    /// when there is more to tell, or when the oldest entry is forgotten.
    last_batch: Option<Arc<ChangeBatch<C>>>,
    /// How many changes the entries count as.
    changes: usize,
    /// What the entries take without their encodings.
    bytes: usize,
    floor: Revision,
    /// The last entry that was applied to the subject, visible or not.
    revision: Revision,
    /// The bytes that all feeds take together.
    account: Arc<AtomicUsize>,
}

/// What a feed remembers, at one moment.
#[derive(Debug)]
pub(crate) struct Recent<C> {
    pub(crate) floor: Revision,
    pub(crate) revision: Revision,
    pub(crate) updates: VecDeque<Arc<EntryChanges<C>>>,
}

/// What a watcher at some revision has missed.
#[derive(Debug)]
pub(crate) enum Since<C> {
    /// Nothing.
    Nothing,
    /// These changes, and perhaps more after them.
    Changes(Arc<ChangeBatch<C>>),
    /// So many changes by one entry that the subject as a whole is sent instead.
    Oversized,
    /// Changes that are no longer remembered.
    Lost,
}

impl<C: Weigh> Feed<C> {
    pub(crate) fn new(floor: Revision, account: Arc<AtomicUsize>) -> Self {
        Self {
            entries: VecDeque::new(),
            last_batch: None,
            changes: 0,
            bytes: 0,
            floor,
            revision: 0,
            account,
        }
    }

    /// A feed that remembers this, as far as the limits allow.
    pub(crate) fn restore(
        recent: Recent<C>,
        limits: &FeedLimits,
        account: Arc<AtomicUsize>,
    ) -> Self {
        let mut feed = Self::new(recent.floor, account);
        feed.revision = recent.revision;
        for entry in recent.updates {
            feed.push(EntryChanges::within(entry, limits.update_bytes_max), limits);
        }
        feed
    }

    /// What it remembers. The copy costs a reference count for each entry.
    pub(crate) fn recent(&self) -> Recent<C> {
        Recent {
            floor: self.floor,
            revision: self.revision,
            updates: self.entries.clone(),
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
        // A watcher that has read a revision is never told a second part of it.
        debug_assert!(revision > self.revision, "an entry is published once");
        self.revision = revision;
        if changes.is_empty() {
            return;
        }
        let entry = Arc::new(EntryChanges::new(revision, at, Some(changes)));
        self.push(EntryChanges::within(entry, limits.update_bytes_max), limits);
    }

    fn push(&mut self, entry: Arc<EntryChanges<C>>, limits: &FeedLimits) {
        self.last_batch = None;
        self.changes += entry.len();
        self.bytes += entry.bytes;
        self.account.fetch_add(entry.bytes, Ordering::Relaxed);
        self.entries.push_back(entry);
        // The last one stays, however long: watchers that keep up need it.
        while self.changes > limits.changes_max && self.entries.len() > 1 {
            self.forget_oldest();
        }
    }

    /// Notes that a change up to `revision` is not in the feed, so that no watcher resumes
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

    /// Forgets the changes of the oldest entry.
    pub(crate) fn forget_oldest(&mut self) {
        self.last_batch = None;
        if let Some(entry) = self.entries.pop_front() {
            self.floor = entry.revision;
            self.changes -= entry.len();
            self.bytes -= entry.bytes;
            self.account.fetch_sub(entry.bytes, Ordering::Relaxed);
            entry.encodings.stop_counting(&self.account);
            self.shrink();
        }
    }

    /// Gives back memory that was needed only for a while: most subjects are quiet
    /// for most of the time.
    fn shrink(&mut self) {
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        } else if self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to(self.entries.capacity() / 2);
        }
    }

    pub(crate) fn oldest(&self) -> Option<&EntryChanges<C>> {
        self.entries.front().map(|entry| &**entry)
    }

    /// Whether anything follows `cursor`.
    pub(crate) fn has_after(&self, cursor: Revision) -> bool {
        self.last_change() > cursor
    }

    /// The revision of the last change. If none is remembered, there was none after it.
    pub(crate) fn last_change(&self) -> Revision {
        self.entries.back().map_or(self.floor, |last| last.revision)
    }

    /// What follows `cursor`: the changes of whole entries, of at most `update_bytes_max`
    /// together.
    pub(crate) fn since(&mut self, cursor: Revision, limits: &FeedLimits) -> Since<C> {
        if !self.covers(cursor) {
            return Since::Lost;
        }
        let from = self
            .entries
            .partition_point(|entry| entry.revision <= cursor);
        let Some(first) = self.entries.get(from) else {
            return Since::Nothing;
        };
        if first.changes.is_none() {
            return Since::Oversized;
        }
        if let Some(last) = &self.last_batch
            && last.is_from(first.revision)
        {
            return Since::Changes(Arc::clone(last));
        }
        let batch = Arc::new(self.batch(from, limits.update_bytes_max));
        self.last_batch = Some(Arc::clone(&batch));
        Since::Changes(batch)
    }

    /// The entries from an index on, at least one, as far as they fit.
    fn batch(&self, from: usize, bytes_max: usize) -> ChangeBatch<C> {
        let mut bytes = 0;
        let entries = self.entries.range(from..).enumerate();
        let fitting = entries.take_while(|(number, entry)| {
            bytes += entry.bytes;
            entry.changes.is_some() && (bytes <= bytes_max || *number == 0)
        });
        let entries = fitting.map(|(_, entry)| Arc::clone(entry)).collect();
        ChangeBatch::new(entries, Arc::clone(&self.account))
    }
}

impl<C> Drop for Feed<C> {
    fn drop(&mut self) {
        self.account.fetch_sub(self.bytes, Ordering::Relaxed);
        for entry in &self.entries {
            entry.encodings.stop_counting(&self.account);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::roster::subject::shared_encodings::EncodingKey;

    const MESSAGE: EncodingKey = EncodingKey(1);
    const PART: EncodingKey = EncodingKey(2);

    #[derive(Debug)]
    struct Change;

    impl Weigh for Change {
        fn bytes(&self) -> usize {
            10
        }
    }

    const LIMITS: FeedLimits = FeedLimits {
        changes_max: 3,
        update_bytes_max: 1 << 20,
    };

    fn feed() -> (Feed<Change>, Arc<AtomicUsize>) {
        let account = Arc::<AtomicUsize>::default();
        (Feed::new(0, Arc::clone(&account)), account)
    }

    fn batch_after(feed: &mut Feed<Change>, cursor: Revision) -> Arc<ChangeBatch<Change>> {
        match feed.since(cursor, &LIMITS) {
            Since::Changes(batch) => batch,
            since => panic!("{since:?}"),
        }
    }

    fn encoding() -> Bytes {
        Bytes::from_static(&[0; 1000])
    }

    #[test]
    fn encodings_count_for_as_long_as_what_they_encode_is_remembered() {
        let (mut feed, account) = feed();
        let bytes = || account.load(Ordering::Relaxed);
        feed.publish(1, vec![Change], Time::MIN, &LIMITS);
        let alone = bytes();
        batch_after(&mut feed, 0).encoded(MESSAGE, encoding);
        // That of one entry stays, and is not made for the batch again.
        feed.publish(2, vec![Change], Time::MIN, &LIMITS);
        assert_eq!(bytes(), 2 * alone + 1000);

        let both = batch_after(&mut feed, 0);
        for entry in both.iter() {
            both.encoded_entry(entry, PART, encoding);
        }
        both.encoded(MESSAGE, encoding);
        assert_eq!(bytes(), 2 * alone + 4000);
        drop(both);
        assert_eq!(bytes(), 2 * alone + 4000, "the last batch is remembered");

        // The batch goes, and with the oldest entry its two encodings.
        feed.forget_oldest();
        assert_eq!(bytes(), alone + 1000);
        drop(feed);
        assert_eq!(bytes(), 0);
    }

    #[test]
    fn what_a_slow_watcher_encodes_of_forgotten_changes_does_not_count() {
        let (mut feed, account) = feed();
        feed.publish(1, vec![Change], Time::MIN, &LIMITS);
        let batch = batch_after(&mut feed, 0);
        feed.forget_oldest();
        batch.encoded(MESSAGE, encoding);
        assert_eq!(account.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn one_entry_is_encoded_once_however_many_batches_it_is_in() {
        let (mut feed, _account) = feed();
        feed.publish(1, vec![Change], Time::MIN, &LIMITS);
        let first = batch_after(&mut feed, 0);
        let made = first.encoded(MESSAGE, encoding).clone();
        feed.publish(2, vec![Change], Time::MIN, &LIMITS);
        feed.forget_oldest();
        let again = first.encoded(MESSAGE, || unreachable!());
        assert_eq!(made.as_ptr(), again.as_ptr());
    }
}
