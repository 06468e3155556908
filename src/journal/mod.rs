//! The journal: where an accepted callback becomes safe and gets its number.
//!
//! It is the one way in. A front [appends](Journal::append) entries; the
//! journal makes each durable, numbers it, and hands it to its
//! [follower](Follower) in the order of the numbers. It does not know what an
//! entry means: everything else, the roster included, is derived from it.

mod codec;
mod disk;
mod error;
mod memory;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::{
    domain::{AppName, Time},
    providers::{Decoded, Product},
};

pub use self::{
    disk::{Archive, ArchiveFile, DiskJournal, Draft, LockError, OpenError, Records, StoreError},
    error::{AppendError, Cause, FollowError, io_kind},
    memory::MemoryJournal,
};

/// An entry's place in the journal: 1, 2, 3 …, one order for the whole service.
/// 0 is the place before the first.
pub type Revision = u64;

/// Which journal a revision is of. Revisions of two epochs cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

/// What the journal keeps.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When this process received it. The only clock that state may depend on:
    /// whoever reads the journal later must come to the same state.
    pub received_at: Time,
    /// What was received.
    pub payload: Payload,
}

/// What was received.
#[derive(Clone, Debug)]
pub enum Payload {
    /// An authentic callback.
    Callback(Callback),
    /// Time passed: whatever is due to be forgotten by now is forgotten.
    Tick,
}

/// An authentic callback, verbatim.
#[derive(Clone, Debug)]
pub struct Callback {
    /// The app it is for.
    pub app: AppName,
    /// Which product of which vendor sent it.
    pub product: Product,
    /// The query of the request, without its `?`.
    pub query: Arc<str>,
    /// The body of the request.
    pub body: Bytes,
    /// What the body decodes to: derived from the other fields, so not kept by
    /// a journal that stores its entries, but decoded again.
    pub decoded: Arc<Decoded>,
}

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
}

/// Receives the entries of a journal.
pub trait Follower: Send {
    /// Takes the entry at `revision`. Only called with durable entries.
    fn apply(&mut self, revision: Revision, entry: &Entry);

    /// Told once, when all entries that were there when it began to follow are
    /// applied.
    fn caught_up(&mut self) {}
}
