//! What the writing thread is asked for, and which entries it makes durable together.

use std::sync::mpsc::SyncSender;

use tokio::sync::{
    mpsc::{Receiver, error::TryRecvError},
    oneshot,
};

use super::log::Sealed;
use crate::{
    domain::Time,
    journal::{AppendError, Dropped, Entry, FollowError, Follower, Payload, Revision},
};

/// Entries made durable together. With more there are fewer syncs, but the first entry waits
/// longer, because it waits for the last.
pub(super) const BATCH_MAX: usize = 1024;

/// A request to the thread.
pub(super) enum Request {
    /// Make an entry durable.
    Append(Append),
    /// Hand all entries after a revision to a follower from now on.
    Follow {
        after: Revision,
        follower: Box<dyn Follower>,
        done: SyncSender<Result<(), FollowError>>,
    },
    /// Begin a new segment with the next entry, and tell of those that there are.
    Seal { done: oneshot::Sender<Sealed> },
    /// Drop entries below a revision: those that were received before a time, and others as long
    /// as there is little room.
    DropBefore {
        first: Revision,
        until: Time,
        done: SyncSender<Dropped>,
    },
    /// Try the disk, if it failed.
    Probe { now: Time },
}

/// An entry whose appender waits for the answer.
pub(super) struct Append {
    pub(super) entry: Entry,
    pub(super) done: oneshot::Sender<Result<Revision, AppendError>>,
}

/// The entries that are made durable together with `first`, and the request after them if
/// it is of another kind.
pub(super) fn gather(
    first: Append,
    bytes_max: usize,
    requests: &mut Receiver<Request>,
) -> (Vec<Append>, Option<Request>) {
    let mut bytes = weight(&first.entry);
    let mut batch = Vec::with_capacity(BATCH_MAX.min(1 + requests.len()));
    batch.push(first);
    while batch.len() < BATCH_MAX && bytes < bytes_max {
        match requests.try_recv() {
            Ok(Request::Append(append)) => {
                bytes += weight(&append.entry);
                batch.push(append);
            }
            Ok(other) => return (batch, Some(other)),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
        }
    }
    (batch, None)
}

/// The bytes that an entry counts as.
pub(super) fn weight(entry: &Entry) -> usize {
    match &entry.payload {
        Payload::Callback(callback) => callback.body.len() + callback.query.len(),
        Payload::Tick => 0,
    }
}
