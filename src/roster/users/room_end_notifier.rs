//! Notifies users that a life of a room that they were in has ended.
//!
//! A watched user is changed by the entry that ends the life. For all other users, the room
//! only has to be removed from their memberships and state. That is not visible, because a
//! query looks up the rooms of a user in the rooms themselves. There can be a million such
//! users, too many to handle while callbacks wait. So a thread handles them one by one, and
//! entries are applied in between.

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

/// The most users that the applier notifies at once, itself.
const AT_ONCE_MAX: usize = 64;

/// The most ends of lives that wait for the thread. The applier notifies the users of further
/// ends itself, while callbacks wait, so that memory is limited.
const QUEUED_MAX: usize = 1024;

/// The end of a life of a room.
#[derive(Debug)]
pub(crate) struct RoomEnd {
    pub(crate) room: RoomId,
    /// The revision of the entry that ended the life.
    pub(crate) revision: Revision,
    pub(crate) former_users: FormerUsers,
}

/// The number of ends of lives whose users are not all notified yet.
#[derive(Debug, Default)]
pub(crate) struct PendingRoomEnds(AtomicUsize);

/// Notifies users: at once if they are few, otherwise on a thread. The thread starts with the
/// first end that needs it, and stops when this is dropped.
#[derive(Debug)]
pub(crate) struct RoomEndNotifier {
    pending: Arc<PendingRoomEnds>,
    queue: Option<SyncSender<QueuedRoomEnd>>,
}

/// The end of a life that waits for the thread. It counts as pending until it is dropped.
#[derive(Debug)]
struct QueuedRoomEnd {
    end: RoomEnd,
    /// A weak reference: once the users are dropped, there is nothing to do.
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
        let waiting = QueuedRoomEnd::new(end, users, &self.pending);
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

impl QueuedRoomEnd {
    fn new(end: RoomEnd, users: &Arc<Users>, pending: &Arc<PendingRoomEnds>) -> Self {
        pending.0.fetch_add(1, Ordering::AcqRel);
        Self {
            end,
            users: Arc::downgrade(users),
            pending: Arc::clone(pending),
        }
    }

    /// Notifies all users. The entry lock is released between two users, so that entries can
    /// be applied.
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

impl Drop for QueuedRoomEnd {
    fn drop(&mut self) {
        self.pending.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn start() -> SyncSender<QueuedRoomEnd> {
    let (queue, waiting) = sync_channel::<QueuedRoomEnd>(QUEUED_MAX);
    let notify = move || waiting.iter().for_each(|end| end.notify_one_by_one());
    // If no thread can be started, the queue is closed, and the applier notifies all users.
    let _ = thread::Builder::new()
        .name("room-ends".to_owned())
        .spawn(notify);
    queue
}
