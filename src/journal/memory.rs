//! A journal that keeps nothing: entries are lost when the process ends.

use std::{fmt, mem};

use futures_util::future::{self, BoxFuture, FutureExt as _};
use parking_lot::Mutex;
use tokio::{
    sync::{SetOnce, oneshot},
    task,
};

use super::{AppendError, Entry, Epoch, FollowError, Follower, Journal, Revision, Unappliable};

/// How many queued entries an appender applies for others before it lets other tasks of its
/// thread run. Its own answer waits for as long.
const TURN_MAX: usize = 64;

/// Numbers entries and hands them to the follower at once, on the thread of an appender. An
/// entry is applied when `append` returns.
///
/// Applying takes microseconds, which is less than it takes to put a thread to sleep. So an
/// appender that finds another one applying queues its entry for that one.
pub struct MemoryJournal {
    epoch: Epoch,
    queue: Mutex<Queue>,
    // Locked while the follower applies, so that entries are applied in the order of their
    // revisions. Only the appender that has the turn locks it, so no appender waits for it.
    head: Mutex<Head>,
    /// Why the journal ended, if it did.
    stopped: SetOnce<Unappliable>,
}

/// Entries for the appender that has the turn. There are at most as many as calls of
/// `append` came while one entry was applied.
#[derive(Default)]
struct Queue {
    entries: Vec<Queued>,
    /// Whether an appender has the turn. It looks at the queue before it ends its turn.
    is_turn_taken: bool,
}

/// An entry whose appender waits for the answer.
struct Queued {
    entry: Entry,
    done: oneshot::Sender<Result<Revision, AppendError>>,
}

struct Head {
    last: Revision,
    /// `None` before the journal is followed, and after an entry could not be applied.
    follower: Option<Box<dyn Follower>>,
}

/// The right to apply entries. One appender has it at a time.
struct Turn<'j>(&'j MemoryJournal);

/// The queued entries that are left when a turn reached its limit. The appender that holds this
/// takes further turns until the queue is empty or another appender has the turn.
struct Remainder<'j>(&'j MemoryJournal);

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
            stopped: SetOnce::new(),
        }
    }

    /// Takes the turn if it is free. Otherwise queues the entry and returns where its answer
    /// will come.
    fn turn_or_queue(
        &self,
        entry: Entry,
    ) -> Result<(Turn<'_>, Entry), oneshot::Receiver<Result<Revision, AppendError>>> {
        let mut queue = self.queue.lock();
        if !mem::replace(&mut queue.is_turn_taken, true) {
            return Ok((Turn(self), entry));
        }
        let (done, answer) = oneshot::channel();
        queue.entries.push(Queued { entry, done });
        Err(answer)
    }
}

impl Turn<'_> {
    fn apply(&self, entry: &Entry) -> Result<Revision, AppendError> {
        let journal = self.0;
        let mut head = journal.head.lock();
        if let Some(stopped) = journal.stopped.get() {
            return Err(stopped.clone().into());
        }
        let Head { last, follower } = &mut *head;
        let applier = follower.as_mut().ok_or(AppendError::NotFollowed)?;
        *last += 1;
        let revision = *last;
        let applied = Unappliable::guard(revision, || applier.apply(revision, entry));
        applied.map(|()| revision).map_err(|entry| {
            *follower = None;
            // It is set once: nothing is applied after it.
            let _ = journal.stopped.set(entry.clone());
            entry.into()
        })
    }

    /// Applies queued entries, up to the limit of a turn, and ends the turn. Returns whether
    /// entries are left.
    fn finish(self) -> bool {
        let journal = self.0;
        let mut capacity = TURN_MAX;
        loop {
            let mut queue = journal.queue.lock();
            let count = queue.entries.len().min(capacity);
            if count == 0 {
                queue.is_turn_taken = false;
                return !queue.entries.is_empty();
            }
            let later = queue.entries.split_off(count);
            let entries = mem::replace(&mut queue.entries, later);
            drop(queue);
            capacity -= count;
            for Queued { entry, done } in entries {
                // It fails if the appender no longer waits.
                let _ = done.send(self.apply(&entry));
            }
        }
    }
}

impl Remainder<'_> {
    async fn finish(self) {
        loop {
            task::yield_now().await;
            if !self.take_turn() {
                return;
            }
        }
    }

    /// Takes a turn if it is free. Returns whether entries are left that no appender is
    /// applying.
    fn take_turn(&self) -> bool {
        let mut queue = self.0.queue.lock();
        if queue.is_turn_taken || queue.entries.is_empty() {
            return false;
        }
        queue.is_turn_taken = true;
        drop(queue);
        Turn(self.0).finish()
    }
}

impl Drop for Remainder<'_> {
    fn drop(&mut self) {
        while self.take_turn() {}
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

    fn failure(&self) -> Option<String> {
        self.stopped.get().map(ToString::to_string)
    }

    fn stopped(&self) -> BoxFuture<'_, Unappliable> {
        self.stopped.wait().map(Clone::clone).boxed()
    }

    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Revision, AppendError>> {
        let (turn, entry) = match self.turn_or_queue(entry) {
            Ok(turn) => turn,
            Err(answer) => {
                return async { answer.await.unwrap_or(Err(AppendError::Closed)) }.boxed();
            }
        };
        let appended = turn.apply(&entry);
        if turn.finish() {
            Remainder(self).finish().map(|()| appended).boxed()
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
