//! A journal that keeps nothing: an entry is as durable as the process.

use std::{fmt, mem, thread};

use futures_util::future::{self, BoxFuture, FutureExt as _};
use parking_lot::Mutex;
use tokio::{sync::oneshot, task};

use super::{AppendError, Entry, Epoch, FollowError, Follower, Journal, Revision};

/// After so many entries of others an appender lets other tasks of its thread go
/// on: its own answer waits meanwhile.
const TURN_MAX: usize = 64;

/// Numbers entries and hands them on at once, on the thread of an appender. An entry
/// is applied when `append` returns, and is kept nowhere.
///
/// Applying takes microseconds, so to put a thread to sleep for it costs more than
/// to do it: whoever comes while another applies leaves the entry to that one.
pub struct MemoryJournal {
    epoch: Epoch,
    queue: Mutex<Queue>,
    // Held while the follower applies: that is what makes one order of revisions
    // and application. Of appenders only who has the turn takes it, so none waits.
    head: Mutex<Head>,
}

/// Entries that are left to whoever applies. They are as many as there were calls of
/// `append` while one entry was applied.
#[derive(Default)]
struct Queue {
    left: Vec<Left>,
    /// Whether somebody has the turn, and looks here before giving it up.
    is_attended: bool,
}

/// An entry, whose appender waits for the answer.
struct Left {
    entry: Entry,
    done: oneshot::Sender<Result<Revision, AppendError>>,
}

struct Head {
    last: Revision,
    follower: Option<Box<dyn Follower>>,
}

/// The right to apply, which one has at a time.
struct Turn<'j>(&'j MemoryJournal);

/// Entries that a turn did not come to. They are not abandoned: somebody takes the
/// next turn, and if that is nobody else, it is whoever has this.
struct Rest<'j>(&'j MemoryJournal);

impl MemoryJournal {
    /// An empty journal with an epoch of its own.
    pub fn new() -> Self {
        Self {
            epoch: Epoch(rand::random()),
            queue: Mutex::default(),
            head: Mutex::new(Head {
                last: 0,
                follower: None,
            }),
        }
    }

    /// The turn, if nobody has it; else the entry is left, and this is its answer.
    fn turn_or_leave(
        &self,
        entry: Entry,
    ) -> Result<(Turn<'_>, Entry), oneshot::Receiver<Result<Revision, AppendError>>> {
        let mut queue = self.queue.lock();
        if !mem::replace(&mut queue.is_attended, true) {
            return Ok((Turn(self), entry));
        }
        let (done, answer) = oneshot::channel();
        queue.left.push(Left { entry, done });
        Err(answer)
    }
}

impl Head {
    fn apply(&mut self, entry: &Entry) -> Result<Revision, AppendError> {
        let follower = self.follower.as_mut().ok_or(AppendError::NotFollowed)?;
        self.last += 1;
        follower.apply(self.last, entry);
        Ok(self.last)
    }
}

impl Turn<'_> {
    fn apply(&self, entry: &Entry) -> Result<Revision, AppendError> {
        self.0.head.lock().apply(entry)
    }

    /// Applies what was left meanwhile, and gives the turn up. Says whether that was
    /// too much for one, so that there is a rest.
    fn finish(self) -> bool {
        let journal = self.0;
        let mut room = TURN_MAX;
        loop {
            let mut queue = journal.queue.lock();
            let count = queue.left.len().min(room);
            if count == 0 {
                queue.is_attended = false;
                mem::forget(self);
                return !queue.left.is_empty();
            }
            let later = queue.left.split_off(count);
            let left = mem::replace(&mut queue.left, later);
            drop(queue);
            room -= count;
            for Left { entry, done } in left {
                // Who has gone does not want to know.
                let _ = done.send(self.apply(&entry));
            }
        }
    }
}

impl Drop for Turn<'_> {
    /// Only where the follower panicked. What is left is given up, so that its
    /// appenders hear of it: nobody may come who would attend to it.
    fn drop(&mut self) {
        let mut queue = self.0.queue.lock();
        queue.is_attended = false;
        let left = mem::take(&mut queue.left);
        drop(queue);
        drop(left);
    }
}

impl Rest<'_> {
    async fn finish(self) {
        loop {
            task::yield_now().await;
            if !self.take_turn() {
                return;
            }
        }
    }

    /// Takes a turn, unless somebody else has. Says whether something is left then
    /// that nobody attends to.
    fn take_turn(&self) -> bool {
        let mut queue = self.0.queue.lock();
        if queue.is_attended || queue.left.is_empty() {
            return false;
        }
        queue.is_attended = true;
        drop(queue);
        Turn(self.0).finish()
    }
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        // Where the follower panicked, the turn has given up what was left.
        while !thread::panicking() && self.take_turn() {}
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

    fn last(&self) -> Revision {
        self.head.lock().last
    }

    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Revision, AppendError>> {
        let (turn, entry) = match self.turn_or_leave(entry) {
            Ok(taken) => taken,
            Err(answer) => {
                return async { answer.await.unwrap_or(Err(AppendError::Closed)) }.boxed();
            }
        };
        let appended = turn.apply(&entry);
        if turn.finish() {
            Rest(self).finish().map(|()| appended).boxed()
        } else {
            future::ready(appended).boxed()
        }
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

#[cfg(test)]
mod tests;
