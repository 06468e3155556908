//! The visible changes of entries, as feeds remember them and watches deliver them.

use std::{
    ops::Deref,
    sync::{Arc, atomic::AtomicUsize},
};

use bytes::Bytes;

use crate::{domain::Time, journal::Revision};

use super::shared_encodings::{EncodingKey, SharedEncodings};

/// A change whose size can be estimated: the memory that it takes, and roughly the length of
/// its encoding.
pub trait EstimatedSize {
    /// The estimated size, in bytes.
    fn bytes(&self) -> usize;
}

/// The visible changes of one subject by one journal entry.
#[derive(Debug)]
pub struct EntryChanges<C> {
    /// The entry's revision.
    pub revision: Revision,
    /// The changes, in the order in which they were applied; `None` if there were so many that
    /// a snapshot of the subject is sent instead.
    pub changes: Option<Vec<C>>,
    /// When the entry was received.
    pub(crate) at: Time,
    /// The bytes that this takes, without its encodings.
    pub(super) bytes: usize,
    pub(super) encodings: SharedEncodings,
}

/// The changes of several entries that are delivered together, oldest first. A batch is never
/// empty.
///
/// Watchers that keep up are at the same revision. So a batch is made for the first of them,
/// and the others share it.
#[derive(Debug)]
pub struct ChangeBatch<C> {
    entries: Vec<Arc<EntryChanges<C>>>,
    /// The encodings of the whole batch, if it has more than one entry.
    encodings: SharedEncodings,
    /// The bytes that all feeds take together. The bytes of encodings are added.
    history_bytes: Arc<AtomicUsize>,
}

impl<C: EstimatedSize> EntryChanges<C> {
    pub(crate) fn new(revision: Revision, at: Time, changes: Option<Vec<C>>) -> Self {
        let weight: usize = changes.iter().flatten().map(EstimatedSize::bytes).sum();
        let bytes = size_of::<Self>() + weight;
        Self {
            revision,
            changes,
            at,
            bytes,
            encodings: SharedEncodings::default(),
        }
    }

    /// Drops the changes if they take more than `bytes_max`.
    pub(super) fn within(this: Arc<Self>, bytes_max: usize) -> Arc<Self> {
        if this.bytes - size_of::<Self>() <= bytes_max {
            return this;
        }
        Arc::new(Self::new(this.revision, this.at, None))
    }
}

impl<C> EntryChanges<C> {
    /// When the entry was received.
    pub fn received_at(&self) -> Time {
        self.at
    }

    /// The number of changes. Dropped changes count as one.
    pub(super) fn len(&self) -> usize {
        self.changes.as_ref().map_or(1, Vec::len)
    }
}

impl<C> ChangeBatch<C> {
    pub(super) fn new(entries: Vec<Arc<EntryChanges<C>>>, history_bytes: Arc<AtomicUsize>) -> Self {
        Self {
            entries,
            encodings: SharedEncodings::default(),
            history_bytes,
        }
    }

    /// An encoding of the batch. The first caller makes it with `make`, and all later callers
    /// share it. The encoding of a batch of one entry is kept with the entry, so its key must
    /// differ from those that are passed to [`encoded_entry`](Self::encoded_entry).
    pub fn encoded(&self, key: EncodingKey, make: impl FnOnce() -> Bytes) -> &Bytes {
        let encodings = match &*self.entries {
            [only] => &only.encodings,
            _ => &self.encodings,
        };
        encodings.get_or_make(key, &self.history_bytes, make)
    }

    /// An encoding of one entry of the batch. All batches that contain the entry share it.
    pub fn encoded_entry<'e>(
        &self,
        entry: &'e EntryChanges<C>,
        key: EncodingKey,
        make: impl FnOnce() -> Bytes,
    ) -> &'e Bytes {
        entry.encodings.get_or_make(key, &self.history_bytes, make)
    }

    /// The estimated bytes of the changes.
    pub(super) fn bytes(&self) -> usize {
        let of_changes = |entry: &EntryChanges<C>| entry.bytes - size_of::<EntryChanges<C>>();
        self.entries.iter().map(|entry| of_changes(entry)).sum()
    }

    /// Whether the first entry has this revision.
    pub(super) fn is_from(&self, revision: Revision) -> bool {
        let first = self.entries.first();
        first.is_some_and(|first| first.revision == revision)
    }
}

impl<C> Drop for ChangeBatch<C> {
    fn drop(&mut self) {
        self.encodings.stop_counting(&self.history_bytes);
    }
}

impl<C> Deref for ChangeBatch<C> {
    type Target = [Arc<EntryChanges<C>>];

    fn deref(&self) -> &Self::Target {
        &self.entries
    }
}
