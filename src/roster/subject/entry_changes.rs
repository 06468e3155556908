//! The visible changes of entries, as they are remembered and handed to watchers.

use std::{
    ops::Deref,
    sync::{Arc, atomic::AtomicUsize},
};

use bytes::Bytes;

use crate::{domain::Time, journal::Revision};

use super::shared_encodings::{EncodingKey, SharedEncodings};

/// How much memory a change takes, and roughly how long it is when encoded.
pub trait Weigh {
    /// Bytes.
    fn bytes(&self) -> usize;
}

/// The visible changes of a subject by one journal entry.
#[derive(Debug)]
pub struct EntryChanges<C> {
    /// The entry's revision.
    pub revision: Revision,
    /// The changes, in the order they were applied; `None` if they are so many
    /// that the subject as a whole is shorter.
    pub changes: Option<Vec<C>>,
    /// When the entry was received.
    pub(crate) at: Time,
    /// What this takes without its encodings.
    pub(super) bytes: usize,
    pub(super) encodings: SharedEncodings,
}

/// What a watcher is told at once: the changes of entries, oldest first; never empty.
///
/// Watchers that keep up are at the same revision. So a batch is made for the first of
/// them, and the others share it.
#[derive(Debug)]
pub struct ChangeBatch<C> {
    entries: Vec<Arc<EntryChanges<C>>>,
    /// Encodings of more than one entry together.
    encodings: SharedEncodings,
    /// Counts the bytes of encodings.
    account: Arc<AtomicUsize>,
}

impl<C: Weigh> EntryChanges<C> {
    pub(crate) fn new(revision: Revision, at: Time, changes: Option<Vec<C>>) -> Self {
        let weight: usize = changes.iter().flatten().map(Weigh::bytes).sum();
        let bytes = size_of::<Self>() + weight;
        Self {
            revision,
            changes,
            at,
            bytes,
            encodings: SharedEncodings::default(),
        }
    }

    /// The same, without its changes if they take more than `bytes_max`.
    pub(super) fn within(this: Arc<Self>, bytes_max: usize) -> Arc<Self> {
        if this.bytes - size_of::<Self>() <= bytes_max {
            return this;
        }
        Arc::new(Self::new(this.revision, this.at, None))
    }
}

impl<C> EntryChanges<C> {
    /// How many changes it counts as.
    pub(super) fn len(&self) -> usize {
        self.changes.as_ref().map_or(1, Vec::len)
    }
}

impl<C> ChangeBatch<C> {
    pub(super) fn new(entries: Vec<Arc<EntryChanges<C>>>, account: Arc<AtomicUsize>) -> Self {
        Self {
            entries,
            encodings: SharedEncodings::default(),
            account,
        }
    }

    /// An encoding of the batch. The first who asks makes it with `make`; all who are
    /// sent the batch share it. That of a single entry stays as long as the entry does,
    /// and has another key than what [`encoded_entry`](Self::encoded_entry) keeps.
    pub fn encoded(&self, key: EncodingKey, make: impl FnOnce() -> Bytes) -> &Bytes {
        let encodings = match &*self.entries {
            [only] => &only.encodings,
            _ => &self.encodings,
        };
        encodings.get_or_make(key, &self.account, make)
    }

    /// An encoding of one entry of the batch, shared by all batches that the entry is in.
    pub fn encoded_entry<'e>(
        &self,
        entry: &'e EntryChanges<C>,
        key: EncodingKey,
        make: impl FnOnce() -> Bytes,
    ) -> &'e Bytes {
        entry.encodings.get_or_make(key, &self.account, make)
    }

    /// Whether its first entry has this revision.
    pub(super) fn is_from(&self, revision: Revision) -> bool {
        let first = self.entries.first();
        first.is_some_and(|first| first.revision == revision)
    }
}

impl<C> Drop for ChangeBatch<C> {
    fn drop(&mut self) {
        self.encodings.stop_counting(&self.account);
    }
}

impl<C> Deref for ChangeBatch<C> {
    type Target = [Arc<EntryChanges<C>>];

    fn deref(&self) -> &Self::Target {
        &self.entries
    }
}
