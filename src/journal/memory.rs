//! A journal that keeps nothing: an entry is as durable as the process.

use std::fmt;

use futures_util::future::{self, BoxFuture, FutureExt as _};
use parking_lot::Mutex;

use super::{AppendError, Entry, Epoch, FollowError, Follower, Journal, Revision};

/// Numbers entries and hands them on at once, on the appender's thread. An
/// entry is applied when `append` returns, and is kept nowhere.
pub struct MemoryJournal {
    epoch: Epoch,
    // Held while the follower applies: that is what makes one order of
    // revisions and application. Applying is pure computation and takes
    // microseconds, so a lock that blocks is right.
    head: Mutex<Head>,
}

struct Head {
    last: Revision,
    follower: Option<Box<dyn Follower>>,
}

impl MemoryJournal {
    /// An empty journal with an epoch of its own.
    pub fn new() -> Self {
        Self {
            epoch: Epoch(rand::random()),
            head: Mutex::new(Head {
                last: 0,
                follower: None,
            }),
        }
    }

    fn append_now(&self, entry: &Entry) -> Result<Revision, AppendError> {
        let mut head = self.head.lock();
        let Head { last, follower } = &mut *head;
        let follower = follower.as_mut().ok_or(AppendError::NotFollowed)?;
        *last += 1;
        follower.apply(*last, entry);
        Ok(*last)
    }
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryJournal")
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

impl Journal for MemoryJournal {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Revision, AppendError>> {
        future::ready(self.append_now(&entry)).boxed()
    }

    fn follow(&self, after: Revision, mut follower: Box<dyn Follower>) -> Result<(), FollowError> {
        let mut head = self.head.lock();
        if after != head.last {
            return Err(FollowError::Gap { after });
        }
        follower.caught_up();
        head.follower = Some(follower);
        Ok(())
    }
}
