//! What the writing thread is asked for, and which entries it makes durable together.

use std::sync::{Arc, mpsc::SyncSender};

use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
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
    /// Try the disk, if it failed; look whether the folder is where it was, if not.
    Probe { now: Time },
}

/// An entry whose appender waits for the answer.
pub(super) struct Append {
    pub(super) entry: Entry,
    pub(super) done: oneshot::Sender<Result<Revision, AppendError>>,
    /// What the entry takes of the waiting room. The appender may be gone, the entry is not.
    pub(super) _place: Place,
}

/// What all entries that wait may take, if nothing else is asked for.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// The unit in which room is taken. An entry with a short body takes about this.
const PLACE_BYTES: usize = 1024;

/// A part of the waiting room, until it is dropped.
pub(super) type Place = OwnedSemaphorePermit;

/// Room for the entries that wait for the thread, until they are durable. More wait in their
/// appenders, of which there are few: one that gives up takes its entry with it.
#[derive(Clone, Debug)]
pub(super) struct WaitingRoom {
    free: Arc<Semaphore>,
    places: usize,
}

impl WaitingRoom {
    /// Room for so many bytes, and for one entry at least.
    pub(super) fn new(bytes_max: usize) -> Self {
        let places = (bytes_max / PLACE_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(places)),
            places,
        }
    }

    /// Waits until there is room for an entry. One that is larger than the room gets all of it.
    ///
    /// # Errors
    /// Never: the room is not closed.
    pub(super) async fn take(&self, entry: &Entry) -> Result<Place, AppendError> {
        let places = (1 + weight(entry) / PLACE_BYTES).min(self.places);
        let places = u32::try_from(places).unwrap_or(u32::MAX);
        let taken = Arc::clone(&self.free).acquire_many_owned(places).await;
        taken.map_err(|_| AppendError::Closed)
    }
}

impl Default for WaitingRoom {
    fn default() -> Self {
        Self::new(WAITING_BYTES_MAX)
    }
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio_test::{assert_pending, assert_ready_ok, task};

    use super::*;
    use crate::{
        domain::{Decoded, ProductName},
        journal::Callback,
    };

    fn entry(bytes: usize) -> Entry {
        Entry {
            received_at: Time::MIN,
            payload: Payload::Callback(Callback {
                app: "arena".into(),
                product: ProductName::new("zego"),
                query: "".into(),
                body: Bytes::from(vec![0; bytes]),
                decoded: Arc::new(Decoded::Room(Vec::new())),
            }),
        }
    }

    #[test]
    fn what_waits_takes_no_more_than_the_room_and_an_entry_larger_than_that_gets_all_of_it() {
        let room = WaitingRoom::default();
        let half = entry(WAITING_BYTES_MAX / 2 - PLACE_BYTES);
        let take = |entry| {
            let room = room.clone();
            task::spawn(async move { room.take(&entry).await })
        };
        let one = assert_ready_ok!(take(half.clone()).poll());
        let _other = assert_ready_ok!(take(half.clone()).poll());
        let mut third = take(entry(0));
        assert_pending!(third.poll());
        drop(one);
        assert!(third.is_woken());
        let third = assert_ready_ok!(third.poll());
        let mut large = take(entry(2 * WAITING_BYTES_MAX));
        assert_pending!(large.poll());
        drop((third, _other));
        let _large = assert_ready_ok!(large.poll());
        assert_pending!(take(entry(0)).poll());
    }
}
