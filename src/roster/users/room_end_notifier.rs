//! Tells users that a life of a room, which they were in, is over: too many of
//! them to do it while others wait. It shows nowhere, as a user's rooms are looked
//! up in the rooms; but what is not told is kept, and it must not be for ever.

use std::{
    sync::{
        Weak,
        atomic::Ordering,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

use crate::{
    domain::{AppName, RoomId, UserIdRef},
    journal::Revision,
    reconcile::room::Remains,
    roster::Roster,
};

/// Users who are told at once, by whoever applies the entry.
const AT_ONCE_MAX: usize = 64;

/// Ends of lives that may wait. More at once than this, and their users are told
/// while others wait: late is better than never.
const WAITING_MAX: usize = 1024;

/// The end of a life of a room.
#[derive(Debug)]
pub(in crate::roster) struct End {
    pub(in crate::roster) app: AppName,
    pub(in crate::roster) room: RoomId,
    pub(in crate::roster) revision: Revision,
    pub(in crate::roster) remains: Remains,
}

/// A thread that tells them. It begins with the first and ends with this.
#[derive(Debug, Default)]
pub(in crate::roster) struct RoomEndNotifier {
    queue: Option<SyncSender<End>>,
}

impl RoomEndNotifier {
    /// Tells the users, now or soon. The caller is applying an entry.
    pub(in crate::roster) fn take(&mut self, roster: &Roster, this: &Weak<Roster>, end: End) {
        if end.remains.user_count() <= AT_ONCE_MAX {
            return end.tell(roster);
        }
        let queue = self.queue.get_or_insert_with(|| begin(Weak::clone(this)));
        roster.pending_room_ends.fetch_add(1, Ordering::AcqRel);
        if let Err(error) = queue.try_send(end) {
            use std::sync::mpsc::TrySendError::{Disconnected, Full};
            let (Full(end) | Disconnected(end)) = error;
            end.tell(roster);
            roster.pending_room_ends.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// Counts an end as told, however the telling ends.
struct Told<'a>(&'a Roster);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.pending_room_ends.fetch_sub(1, Ordering::AcqRel);
    }
}

fn begin(roster: Weak<Roster>) -> SyncSender<End> {
    let (queue, waiting) = sync_channel::<End>(WAITING_MAX);
    let notify = move || {
        for end in waiting {
            if let Some(roster) = roster.upgrade() {
                let _told = Told(&roster);
                end.tell_bit_by_bit(&roster);
            }
        }
    };
    // Without a thread the queue is closed, and all is done by who applies.
    let _ = thread::Builder::new()
        .name("room-ends".to_owned())
        .spawn(notify);
    queue
}

impl End {
    fn tell(&self, roster: &Roster) {
        for user in self.remains.users() {
            self.tell_one(roster, user);
        }
    }

    /// Lets entries be applied in between.
    fn tell_bit_by_bit(&self, roster: &Roster) {
        for user in self.remains.users() {
            let _paused = roster.applying.read();
            self.tell_one(roster, user);
        }
    }

    fn tell_one(&self, roster: &Roster, user: UserIdRef<'_>) {
        roster.drop_room(&self.app, user, &self.room, self.revision);
    }
}
