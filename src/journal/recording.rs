//! A journal for tests that remembers what it was asked for.

use futures_util::future::{BoxFuture, FutureExt as _};
use parking_lot::Mutex;

use super::{AppendError, Dropped, Entry, Epoch, FollowError, Follower, Journal, Revision};
use crate::domain::Time;

#[derive(Debug, Default)]
pub(crate) struct RecordingJournal {
    /// The revisions after which it was followed.
    pub(crate) followed: Mutex<Vec<Revision>>,
    /// What it was told of checkpoints, in order.
    pub(crate) told: Mutex<Vec<Told>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Checkpoint,
    DropBefore(Revision, Time),
}

impl Journal for RecordingJournal {
    fn epoch(&self) -> Epoch {
        Epoch(7)
    }

    fn append(&self, _: Entry) -> BoxFuture<'_, Result<Revision, AppendError>> {
        async { Err(AppendError::Closed) }.boxed()
    }

    fn follow(&self, after: Revision, _: Box<dyn Follower>) -> Result<(), FollowError> {
        self.followed.lock().push(after);
        Ok(())
    }

    fn last(&self) -> Revision {
        0
    }

    fn note_checkpoint(&self) {
        self.told.lock().push(Told::Checkpoint);
    }

    fn drop_before(&self, first: Revision, until: Time) -> Dropped {
        self.told.lock().push(Told::DropBefore(first, until));
        Dropped::default()
    }
}
