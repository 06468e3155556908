//! Notifies users that a life of a room they were in has ended.
//!
//! A watched user is told in the entry that ends the life. All others only have to drop
//! the room: nobody sees it, as the rooms of a user are looked up in the rooms
//! themselves. They can be a million, too many to do while callbacks wait. So a thread
//! does it, user by user, and entries are applied in between.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use crate::{
    domain::RoomId,
    journal::Revision,
    reconcile::room::FormerUsers,
    roster::{journal_progress::EntryLockHeld, users::Users},
};

/// The most users that are notified at once, by the applier.
const AT_ONCE_MAX: usize = 64;

/// The most ends that wait for the thread. The users of any more are notified by the
/// applier, while callbacks wait: memory is bounded, and late is better than never.
const WAITING_MAX: usize = 1024;

/// The end of a life of a room.
#[derive(Debug)]
pub(crate) struct RoomEnd {
    pub(crate) room: RoomId,
    /// The entry that ended it.
    pub(crate) revision: Revision,
    pub(crate) former_users: FormerUsers,
}

/// How many ends there are of which not all users are notified.
#[derive(Debug, Default)]
pub(crate) struct PendingRoomEnds(AtomicUsize);

/// Notifies users, at once if they are few. Its thread starts with the first end that
/// needs it, and stops when this is dropped.
#[derive(Debug)]
pub(crate) struct RoomEndNotifier {
    pending: Arc<PendingRoomEnds>,
    queue: Option<SyncSender<Waiting>>,
}

/// An end that waits for the thread. It is pending until it is dropped.
#[derive(Debug)]
struct Waiting {
    end: RoomEnd,
    /// Not kept: once nobody has the users any more, there is nothing to do.
    users: Weak<Users>,
    pending: Arc<PendingRoomEnds>,
}

impl PendingRoomEnds {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }
}

impl RoomEndNotifier {
    pub(crate) fn new(pending: Arc<PendingRoomEnds>) -> Self {
        Self {
            pending,
            queue: None,
        }
    }

    /// Notifies all former users of the life that ended, now or soon.
    pub(crate) fn notify(&mut self, users: &Arc<Users>, end: RoomEnd, held: EntryLockHeld<'_>) {
        if end.former_users.user_count() <= AT_ONCE_MAX {
            return end.notify_all(users, held);
        }
        let waiting = Waiting::new(end, users, &self.pending);
        let queue = self.queue.get_or_insert_with(start);
        if let Err(TrySendError::Full(waiting) | TrySendError::Disconnected(waiting)) =
            queue.try_send(waiting)
        {
            waiting.end.notify_all(users, held);
        }
    }
}

impl RoomEnd {
    fn notify_all(&self, users: &Users, held: EntryLockHeld<'_>) {
        for user in self.former_users.users() {
            users.drop_ended_room(user, &self.room, self.revision, held);
        }
    }
}

impl Waiting {
    fn new(end: RoomEnd, users: &Arc<Users>, pending: &Arc<PendingRoomEnds>) -> Self {
        pending.0.fetch_add(1, Ordering::AcqRel);
        Self {
            end,
            users: Arc::downgrade(users),
            pending: Arc::clone(pending),
        }
    }

    /// Lets entries be applied between two users.
    fn notify_one_by_one(&self) {
        let Some(users) = self.users.upgrade() else {
            return;
        };
        let RoomEnd {
            room,
            revision,
            former_users,
        } = &self.end;
        for user in former_users.users() {
            let paused = users.pause();
            users.drop_ended_room(user, room, *revision, paused.held());
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.pending.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn start() -> SyncSender<Waiting> {
    let (queue, waiting) = sync_channel::<Waiting>(WAITING_MAX);
    let notify = move || waiting.iter().for_each(|end| end.notify_one_by_one());
    // Without a thread the queue is closed, and the applier notifies all users.
    let _ = thread::Builder::new()
        .name("room-ends".to_owned())
        .spawn(notify);
    queue
}
