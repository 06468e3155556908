//! The thread that hands what is durable to the follower, and answers: the next
//! entries are made durable meanwhile.

use std::{
    io,
    sync::mpsc::{SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use super::writer::Append;
use crate::journal::{Follower, Revision};

/// Batches that may wait. If it takes longer to apply entries than to sync them, the
/// next batch gathers more of them in the meantime.
const WAITING_MAX: usize = 1;

/// Hands entries over, in the order of their revisions. When it is dropped, all of
/// them have been.
#[derive(Debug)]
pub(super) struct Handover {
    batches: Option<SyncSender<Durable>>,
    thread: Option<JoinHandle<()>>,
}

/// Entries that are durable.
struct Durable {
    first: Revision,
    batch: Vec<Append>,
}

/// The follower has panicked, so what comes after it cannot be told.
#[derive(Debug)]
pub(super) struct Broken;

impl Handover {
    pub(super) fn begin(mut follower: Box<dyn Follower>) -> io::Result<Self> {
        let (batches, durable) = sync_channel::<Durable>(WAITING_MAX);
        let thread = thread::Builder::new().name("follower".to_owned());
        let thread = thread.spawn(move || {
            for Durable { first, batch } in durable {
                for (Append { entry, done }, revision) in batch.into_iter().zip(first..) {
                    follower.apply(revision, &entry);
                    // Who asked may have gone.
                    let _ = done.send(Ok(revision));
                }
            }
        })?;
        Ok(Self {
            batches: Some(batches),
            thread: Some(thread),
        })
    }

    /// Hands over entries of which the first has this revision. Waits while too many
    /// are waiting.
    pub(super) fn take(&self, first: Revision, batch: Vec<Append>) -> Result<(), Broken> {
        let batches = self.batches.as_ref().ok_or(Broken)?;
        batches.send(Durable { first, batch }).map_err(|_| Broken)
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // A panic was told of when it happened.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use tokio::sync::oneshot;

    use super::*;
    use crate::{
        event::Time,
        journal::{AppendError, Entry, Payload},
    };

    type Answer = oneshot::Receiver<Result<Revision, AppendError>>;

    fn append() -> (Append, Answer) {
        let (done, answer) = oneshot::channel();
        let entry = Entry {
            received_at: Time::MIN,
            payload: Payload::Tick,
        };
        (Append { entry, done }, answer)
    }

    /// Takes each entry when it is told to, and does not survive being told `false`.
    struct Told(Receiver<bool>);

    impl Follower for Told {
        fn apply(&mut self, revision: Revision, _entry: &Entry) {
            assert!(self.0.recv().unwrap_or(true), "as it should, at {revision}");
        }
    }

    #[test]
    fn entries_are_answered_when_they_are_applied_and_none_is_left() {
        let (tell, told) = channel();
        let handover = Handover::begin(Box::new(Told(told))).unwrap();
        let (batch, mut answers): (Vec<_>, Vec<_>) =
            [append(), append(), append()].into_iter().unzip();
        handover.take(7, batch).unwrap();
        assert!(answers[0].try_recv().is_err(), "it is not applied yet");
        tell.send(true).unwrap();
        drop(tell);
        drop(handover);
        let numbers = answers.iter_mut().map(|answer| answer.try_recv().unwrap());
        assert_eq!(numbers.collect::<Vec<_>>(), [Ok(7), Ok(8), Ok(9)]);
    }

    #[test]
    fn a_follower_that_panics_is_noticed() {
        let (tell, told) = channel();
        let handover = Handover::begin(Box::new(Told(told))).unwrap();
        let (first, answer) = append();
        handover.take(1, vec![first]).unwrap();
        tell.send(false).unwrap();
        assert!(answer.blocking_recv().is_err(), "it was not applied");
        // What waits in between is not told of.
        let is_broken = |_| handover.take(2, vec![append().0]).is_err();
        assert!((0..=WAITING_MAX + 1).any(is_broken));
    }
}
