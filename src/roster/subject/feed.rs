//! The feed of a subject: its latest changes. Watches read from it and resume from it. A slow
//! watch needs no buffer of its own, because it reads from an older position of the feed.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{domain::Time, journal::Revision};

use super::entry_changes::{ChangeBatch, EntryChanges, EstimatedSize};

/// The most bytes of the changes of several entries in one batch, whatever the limits are. A watch
/// that resumes may have a batch of its own, which is in memory until its client has read it.
const SEVERAL_BYTES_MAX: usize = 32 * 1024;

/// The limits of one subject's history.
#[derive(Clone, Debug)]
pub struct FeedLimits {
    /// The most changes that are remembered.
    pub changes_max: usize,
    /// The most bytes of the changes in one batch. Entries that are larger together are sent
    /// as several batches, as are those larger than 32 KiB. If one entry alone is larger than this,
    /// a snapshot is sent instead.
    pub batch_bytes_max: usize,
}

/// The latest visible changes of one subject: all changes after the revision `floor`.
#[derive(Debug)]
pub(crate) struct Feed<C> {
    entries: VecDeque<Arc<EntryChanges<C>>>,
    /// The batch that was made last, for other watchers at the same revision. It is dropped
    /// when a new entry comes or the oldest entry is forgotten.
    last_batch: Option<Arc<ChangeBatch<C>>>,
    /// The number of changes of all entries together.
    changes: usize,
    /// The bytes that the entries take, without their encodings.
    bytes: usize,
    /// All changes after this revision are remembered.
    floor: Revision,
    /// The last entry that was applied to the subject, whether it had visible changes or not.
    revision: Revision,
    /// What is kept of the subject only because of its history, in bytes. It counts as long as
    /// there is any.
    kept_bytes: usize,
    /// The bytes that all feeds take together.
    history_bytes: Arc<AtomicUsize>,
}

/// A copy of what a feed remembers at one moment.
#[derive(Debug)]
pub(crate) struct RecentChanges<C> {
    pub(crate) floor: Revision,
    pub(crate) revision: Revision,
    pub(crate) entries: VecDeque<Arc<EntryChanges<C>>>,
}

/// What follows a revision in a feed.
#[derive(Debug)]
pub(crate) enum ChangesSince<C> {
    /// No changes.
    Nothing,
    /// These changes, and possibly more after them.
    Changes(Arc<ChangeBatch<C>>),
    /// One entry with so many changes that a snapshot is sent instead.
    Oversized,
    /// Changes that are not remembered any more.
    Lost,
}

impl<C: EstimatedSize> Feed<C> {
    /// A feed that remembers nothing yet. `kept_bytes` is what is kept of the subject only as long
    /// as the feed remembers something.
    pub(crate) fn new(floor: Revision, kept_bytes: usize, history_bytes: Arc<AtomicUsize>) -> Self {
        Self {
            entries: VecDeque::new(),
            last_batch: None,
            changes: 0,
            bytes: 0,
            floor,
            revision: 0,
            kept_bytes,
            history_bytes,
        }
    }

    /// A feed that remembers these changes, as far as the limits allow.
    pub(crate) fn restore(
        recent: RecentChanges<C>,
        kept_bytes: usize,
        limits: &FeedLimits,
        history_bytes: Arc<AtomicUsize>,
    ) -> Self {
        let mut feed = Self::new(recent.floor, kept_bytes, history_bytes);
        feed.revision = recent.revision;
        for entry in recent.entries {
            feed.push(EntryChanges::within(entry, limits.batch_bytes_max), limits);
        }
        feed
    }

    /// A copy of what the feed remembers. It costs a reference count for each entry.
    pub(crate) fn recent(&self) -> RecentChanges<C> {
        RecentChanges {
            floor: self.floor,
            revision: self.revision,
            entries: self.entries.clone(),
        }
    }

    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    /// The revision after which everything is remembered.
    pub(crate) fn floor(&self) -> Revision {
        self.floor
    }

    /// Whether all changes after `revision` are remembered.
    pub(crate) fn covers(&self, revision: Revision) -> bool {
        revision >= self.floor
    }

    /// Notes that an entry was applied, and all of its visible changes.
    pub(crate) fn publish(
        &mut self,
        revision: Revision,
        changes: Vec<C>,
        at: Time,
        limits: &FeedLimits,
    ) {
        // A watcher that has read the changes of a revision never gets more changes of it.
        debug_assert!(revision > self.revision, "an entry is published once");
        self.revision = revision;
        if changes.is_empty() {
            return;
        }
        let entry = Arc::new(EntryChanges::new(revision, at, Some(changes)));
        self.push(EntryChanges::within(entry, limits.batch_bytes_max), limits);
    }

    fn push(&mut self, entry: Arc<EntryChanges<C>>, limits: &FeedLimits) {
        self.last_batch = None;
        self.changes += entry.len();
        self.bytes += entry.bytes;
        let added = entry.bytes + self.kept_bytes - self.counted();
        self.history_bytes.fetch_add(added, Ordering::Relaxed);
        self.entries.push_back(entry);
        // The last entry stays, however large it is, because watchers that keep up need it.
        while self.changes > limits.changes_max && self.entries.len() > 1 {
            self.forget_oldest();
        }
    }

    /// Notes that a change at or before `revision` is missing in the feed, so that no watch
    /// resumes from before `revision`.
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
            let removed = entry.bytes + self.kept_bytes - self.counted();
            self.history_bytes.fetch_sub(removed, Ordering::Relaxed);
            entry.encodings.stop_counting(&self.history_bytes);
            self.shrink();
        }
    }

    /// Releases memory that is not needed any more, because most subjects change rarely.
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

    /// Whether a change follows `cursor`.
    pub(crate) fn has_after(&self, cursor: Revision) -> bool {
        self.last_change() > cursor
    }

    /// The revision of the last change. If no change is remembered, it is the floor, and no
    /// change came after that.
    pub(crate) fn last_change(&self) -> Revision {
        self.entries.back().map_or(self.floor, |last| last.revision)
    }

    /// What follows `cursor`: the changes of whole entries, of at most `batch_bytes_max` bytes
    /// together.
    pub(crate) fn since(&mut self, cursor: Revision, limits: &FeedLimits) -> ChangesSince<C> {
        if !self.covers(cursor) {
            return ChangesSince::Lost;
        }
        let from = self
            .entries
            .partition_point(|entry| entry.revision <= cursor);
        let Some(first) = self.entries.get(from) else {
            return ChangesSince::Nothing;
        };
        if first.changes.is_none() {
            return ChangesSince::Oversized;
        }
        if let Some(last) = &self.last_batch
            && last.is_from(first.revision)
        {
            return ChangesSince::Changes(Arc::clone(last));
        }
        let bytes_max = limits.batch_bytes_max.min(SEVERAL_BYTES_MAX);
        let batch = Arc::new(self.batch(from, bytes_max));
        self.last_batch = Some(Arc::clone(&batch));
        ChangesSince::Changes(batch)
    }

    /// The entries from an index on that fit into `bytes_max` bytes, at least one.
    fn batch(&self, from: usize, bytes_max: usize) -> ChangeBatch<C> {
        let mut bytes = 0;
        let entries = self.entries.range(from..).enumerate();
        let fitting = entries.take_while(|(number, entry)| {
            bytes += entry.bytes;
            entry.changes.is_some() && (bytes <= bytes_max || *number == 0)
        });
        let entries = fitting.map(|(_, entry)| Arc::clone(entry)).collect();
        ChangeBatch::new(entries, Arc::clone(&self.history_bytes))
    }
}

impl<C> Feed<C> {
    /// What counts now of what is kept because of the history.
    fn counted(&self) -> usize {
        match self.entries.is_empty() {
            true => 0,
            false => self.kept_bytes,
        }
    }
}

impl<C> Drop for Feed<C> {
    fn drop(&mut self) {
        let counted = self.bytes + self.counted();
        self.history_bytes.fetch_sub(counted, Ordering::Relaxed);
        for entry in &self.entries {
            entry.encodings.stop_counting(&self.history_bytes);
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

    impl EstimatedSize for Change {
        fn bytes(&self) -> usize {
            10
        }
    }

    const LIMITS: FeedLimits = FeedLimits {
        changes_max: 3,
        batch_bytes_max: 1 << 20,
    };

    fn feed() -> (Feed<Change>, Arc<AtomicUsize>) {
        let history_bytes = Arc::<AtomicUsize>::default();
        (Feed::new(0, 0, Arc::clone(&history_bytes)), history_bytes)
    }

    fn batch_after(feed: &mut Feed<Change>, cursor: Revision) -> Arc<ChangeBatch<Change>> {
        match feed.since(cursor, &LIMITS) {
            ChangesSince::Changes(batch) => batch,
            since => panic!("{since:?}"),
        }
    }

    fn encoding() -> Bytes {
        Bytes::from_static(&[0; 1000])
    }

    #[test]
    fn encodings_count_for_as_long_as_what_they_encode_is_remembered() {
        let (mut feed, history_bytes) = feed();
        let bytes = || history_bytes.load(Ordering::Relaxed);
        feed.publish(1, vec![Change], Time::MIN, &LIMITS);
        let alone = bytes();
        batch_after(&mut feed, 0).encoded(MESSAGE, encoding);
        // The encoding of one entry stays, and is not made again for the batch.
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

        // The batch is dropped, and so are the two encodings of the oldest entry.
        feed.forget_oldest();
        assert_eq!(bytes(), alone + 1000);
        drop(feed);
        assert_eq!(bytes(), 0);
    }

    #[test]
    fn what_is_kept_for_a_history_counts_once_as_long_as_there_is_any() {
        let history_bytes = Arc::<AtomicUsize>::default();
        let mut kept = Feed::new(0, 700, Arc::clone(&history_bytes));
        let bytes = || history_bytes.load(Ordering::Relaxed);
        assert_eq!(bytes(), 0);
        kept.publish(1, vec![Change], Time::MIN, &LIMITS);
        let entry = bytes() - 700;
        kept.publish(2, vec![Change], Time::MIN, &LIMITS);
        assert_eq!(bytes(), 700 + 2 * entry);
        kept.forget_oldest();
        assert_eq!(bytes(), 700 + entry);
        kept.forget_oldest();
        assert_eq!(bytes(), 0);

        kept.publish(3, vec![Change], Time::MIN, &LIMITS);
        let recent = kept.recent();
        let restored = Feed::restore(recent, 700, &LIMITS, Arc::clone(&history_bytes));
        assert_eq!(bytes(), 2 * (700 + entry));
        drop((kept, restored));
        assert_eq!(bytes(), 0);
    }

    #[test]
    fn what_a_slow_watcher_encodes_of_forgotten_changes_does_not_count() {
        let (mut feed, history_bytes) = feed();
        feed.publish(1, vec![Change], Time::MIN, &LIMITS);
        let batch = batch_after(&mut feed, 0);
        feed.forget_oldest();
        batch.encoded(MESSAGE, encoding);
        assert_eq!(history_bytes.load(Ordering::Relaxed), 0);
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
