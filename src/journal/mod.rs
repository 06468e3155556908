//! The journal: where an accepted callback becomes safe and gets its number.
//!
//! It is the one way in. A front [appends](Journal::append) entries; the
//! journal makes each durable, numbers it, and hands it to its
//! [follower](Follower) in the order of the numbers. It does not know what an
//! entry means: everything else, the roster included, is derived from it.

pub(crate) mod codec;
mod disk;
mod entry;
mod error;
pub(crate) mod folder;
mod memory;

use std::fmt;

use futures_util::future::BoxFuture;
use prometheus_client::registry::Registry;

use crate::domain::Time;

pub use self::{
    disk::{Archive, DiskJournal, Draft},
    entry::{Callback, Entry, Epoch, Payload, Revision},
    error::{AppendError, Cause, FollowError, io_kind},
    folder::{DataFolder, FolderFile, LockError, OpenError, StoreError},
    memory::MemoryJournal,
};

/// Makes entries durable and numbers them.
pub trait Journal: Send + Sync + fmt::Debug {
    /// Identifies this journal among all that ever were.
    fn epoch(&self) -> Epoch;

    /// Makes an entry durable. When this returns, the entry is safe and has been
    /// or will be handed to the follower; when it fails, it may or may not be
    /// kept, so the sender must send again. Of two entries that are appended at the
    /// same time, either may come first.
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Revision, AppendError>>;

    /// Hands every durable entry after `after` to `follower`: in the order of
    /// revisions, without a gap, each once. Those that there are already are handed
    /// over when this returns: it blocks for as long as that takes.
    ///
    /// # Errors
    /// When `after` is not a place that this journal can go on from.
    fn follow(&self, after: Revision, follower: Box<dyn Follower>) -> Result<(), FollowError>;

    /// The revision of the last entry that is durable; 0 before the journal is followed.
    fn last(&self) -> Revision;

    /// Why entries cannot be made durable at present, if they cannot.
    fn failure(&self) -> Option<String> {
        None
    }

    /// Whether it has come to an end, and only another start can help.
    fn is_over(&self) -> bool {
        false
    }

    /// Lets a journal that failed find out whether it works again. `now` is the
    /// time of day.
    fn probe(&self, _now: Time) {}

    /// Says that a checkpoint covers all entries so far: what it covers is stored apart
    /// from what follows, so that it can be dropped. Blocks.
    fn note_checkpoint(&self) {}

    /// Drops entries from before the revision `first` that were received before `until`,
    /// as far as they can be dropped by themselves. A journal that keeps no entries has
    /// none to drop. Blocks.
    fn drop_before(&self, _first: Revision, _until: Time) {}

    /// Makes what happens to it visible to operators.
    fn register(&self, _registry: &mut Registry) {}
}

/// Receives the entries of a journal.
pub trait Follower: Send {
    /// Takes the entry at `revision`. Only called with durable entries.
    fn apply(&mut self, revision: Revision, entry: &Entry);

    /// Told once, when all entries that were there when it began to follow are
    /// applied.
    fn caught_up(&mut self) {}
}
