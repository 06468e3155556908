//! The journal makes accepted callbacks durable and puts them into one order.
//!
//! A front [appends](Journal::append) entries. The journal makes each entry durable, gives
//! it a [revision](Revision), and hands it to its [follower](Follower) in the order of the
//! revisions. All other state is derived from the journal's entries. The journal does not
//! know what an entry means: a [`Decoder`] that it is given decodes stored callbacks.

mod chain;
pub(crate) mod codec;
mod decoder;
mod disk;
mod entry;
mod error;
pub(crate) mod folder;
mod loss;
mod memory;
#[cfg(test)]
pub(crate) mod recording;
mod room;
mod unappliable;

use std::fmt;

use futures_util::future::{self, BoxFuture, FutureExt as _};
use prometheus_client::registry::Registry;

use crate::domain::Time;

pub use self::{
    chain::{ChainHash, ChainPoint},
    decoder::Decoder,
    disk::{Archive, DiskJournal, Draft, Sealed},
    entry::{Callback, Entry, Epoch, Payload, Revision},
    error::{AppendError, Cause, FollowError, io_kind},
    folder::{CopyError, DataFolder, FolderCopy, FolderFile, LockError, OpenError, StoreError},
    loss::{Loss, Losses},
    memory::MemoryJournal,
    room::{Dropped, Room},
    unappliable::Unappliable,
};

/// Makes entries durable and numbers them.
pub trait Journal: Send + Sync + fmt::Debug {
    /// Identifies this journal among all that ever were.
    fn epoch(&self) -> Epoch;

    /// Whether the journal has this epoch, or had it before it went on without what it lost.
    fn has_had(&self, epoch: Epoch) -> bool {
        epoch == self.epoch()
    }

    /// Makes an entry durable. When this returns a revision, the entry is durable, and the
    /// follower has applied it or is going to. When this fails, the entry may be kept or
    /// not, so its sender must send it again. Two entries that are appended at the same time
    /// may come in either order.
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Revision, AppendError>>;

    /// Hands every durable entry after `after` to `follower`, each once, in the order of
    /// revisions and without a gap. Blocks until the entries that the journal has now are
    /// applied.
    ///
    /// # Errors
    /// When the journal does not have all entries after `after`, or cannot read them.
    fn follow(&self, after: Revision, follower: Box<dyn Follower>) -> Result<(), FollowError>;

    /// The revision of the last entry that is durable; 0 before the journal is followed.
    fn last(&self) -> Revision;

    /// Why entries cannot be made durable at present; `None` if they can.
    fn failure(&self) -> Option<String> {
        None
    }

    /// Whether the journal has ended, other than because it [stopped](Self::stopped). Then every
    /// append fails until the service restarts.
    fn is_over(&self) -> bool {
        false
    }

    /// Completes if the journal stops because an entry cannot be applied. Then every append fails
    /// until the service restarts, and what its follower has made is not to be used.
    fn stopped(&self) -> BoxFuture<'_, Unappliable> {
        future::pending().boxed()
    }

    /// Lets a journal look whether it can still store entries, and one that failed try whether it
    /// works again. `now` is the time of receipt of an entry that would come now.
    fn probe(&self, _now: Time) {}

    /// Says that a checkpoint covers all entries so far. The journal then stores later
    /// entries apart from them, so that it can drop the covered ones. Blocks.
    fn note_checkpoint(&self) {}

    /// Drops entries below the revision `first`: those that were received before `until`, and
    /// others as long as there is little [room](Self::room). The journal may keep some of them,
    /// because it drops only whole files. Blocks until it is done.
    fn drop_before(&self, _first: Revision, _until: Time) -> Dropped {
        Dropped::default()
    }

    /// How much room there is for entries.
    fn room(&self) -> Room {
        Room::Enough
    }

    /// Completes when an entry found little room or none, now or since this was last called.
    fn short_of_room(&self) -> BoxFuture<'_, ()> {
        future::pending().boxed()
    }

    /// Adds the journal's metrics to a registry.
    fn register(&self, _registry: &mut Registry) {}
}

/// Receives the entries of a journal.
pub trait Follower: Send {
    /// The last block that the follower knows from elsewhere, such as a checkpoint: the journal
    /// has to go on from there.
    fn known(&self) -> Option<ChainPoint> {
        None
    }

    /// Called before the entries of a block are applied, by journals that have blocks. After a
    /// checkpoint, only the last entries of the first block may be applied.
    fn begin_block(&mut self, _block: ChainPoint) {}

    /// Applies the entry at `revision`, which is durable.
    fn apply(&mut self, revision: Revision, entry: &Entry);

    /// Called once, when the entries that the journal had at first are applied.
    fn caught_up(&mut self) {}
}
