//! Remembered users, and the rooms of all users.

use std::{fmt, sync::Arc};

use crate::{
    domain::{RoomId, Time, UserIdRef},
    journal::Revision,
    reconcile::user::User,
    roster::{
        journal_progress::{EntryLockHeld, JournalProgress},
        rooms::Rooms,
        subject::table::{Hold, Table},
    },
};

use super::{memberships::Memberships, recently_queried::RecentlyQueried};

/// The remembered users of one app, and the rooms that each user may be in. It keeps the
/// invariants that are listed at [`users`](super) about both.
pub(super) struct RememberedUsers {
    table: Arc<Table<User>>,
    pub(super) memberships: Memberships,
    recently_queried: RecentlyQueried,
    /// The rooms, in which the presence of users is looked up.
    rooms: Arc<Rooms>,
    progress: Arc<JournalProgress>,
}

impl RememberedUsers {
    pub(super) fn new(
        table: Table<User>,
        rooms: Arc<Rooms>,
        progress: Arc<JournalProgress>,
        recently_queried: RecentlyQueried,
    ) -> Self {
        Self {
            table: Arc::new(table),
            memberships: Memberships::default(),
            recently_queried,
            rooms,
            progress,
        }
    }

    pub(super) fn table(&self) -> &Arc<Table<User>> {
        &self.table
    }

    /// Keeps a user remembered for a while.
    pub(super) fn keep(&self, hold: Hold<User>, now: Time) {
        self.recently_queried.note(hold, now);
    }

    /// Releases users who were last queried before `until`.
    pub(super) fn trim(&self, until: Time) {
        self.recently_queried.trim(until);
    }

    /// Remembers a user from now on. If the user was not remembered before, no watch of the
    /// user can resume from before `now`. It is called while no entry is applied, or while the
    /// entry has changed no rooms yet.
    pub(super) fn remember(
        &self,
        id: UserIdRef<'_>,
        now: Revision,
        _held: EntryLockHeld<'_>,
    ) -> Hold<User> {
        self.remember_with(id, now, |room| {
            Some((self.rooms.presence(&room, id)?, room))
        })
    }

    /// The same during a replay, in which users are remembered from the beginning. A user that
    /// is inserted has the rooms from before the entry. Rooms for which `stays_in` returns true
    /// are left out, so that the new login of the user there becomes a visible change.
    pub(super) fn remember_in_replay(
        &self,
        id: UserIdRef<'_>,
        stays_in: impl Fn(&RoomId) -> bool,
        _held: EntryLockHeld<'_>,
    ) -> Hold<User> {
        self.remember_with(id, 0, |room| {
            let login_at = self.rooms.presence(&room, id).flatten();
            (!stays_in(&room)).then_some((login_at, room))
        })
    }

    /// Holds a user, if the user is remembered. During a replay all users are.
    fn find_remembered(&self, id: UserIdRef<'_>, held: EntryLockHeld<'_>) -> Option<Hold<User>> {
        let known = self.table.get(id.as_str());
        if known.is_some() || !self.progress.is_replaying() {
            return known;
        }
        let hold = self.remember_in_replay(id, |_| false, held);
        // Without this, a user without a history would be dropped at once.
        self.recently_queried.note(hold, self.progress.now());
        self.table.get(id.as_str())
    }

    /// Remembers a user. If the rooms of the user are not filled in yet, they are the
    /// memberships for which `room_of` returns a room.
    fn remember_with(
        &self,
        id: UserIdRef<'_>,
        floor: Revision,
        room_of: impl Fn(RoomId) -> Option<(Option<Time>, RoomId)>,
    ) -> Hold<User> {
        let known = self.table.get(id.as_str());
        let hold = known.unwrap_or_else(|| self.table.get_or_insert(&id.into()));
        if hold.cell().state.lock().subject.knows_rooms() {
            return hold;
        }
        let rooms = self.memberships.of(id).into_iter().filter_map(room_of);
        let rooms = rooms.map(|(login_at, room)| (room, login_at)).collect();
        let mut state = hold.cell().state.lock();
        state.subject.set_rooms(rooms);
        state.feed.raise_floor(floor);
        drop(state);
        hold
    }

    /// Removes a room from a user who is not in it any more, without a change in the user's
    /// history. The life of the room ended at `revision` or later.
    pub(super) fn drop_ended_room(
        &self,
        id: UserIdRef<'_>,
        room: &RoomId,
        revision: Revision,
        held: EntryLockHeld<'_>,
    ) {
        if self.rooms.presence(room, id).is_some() {
            return;
        }
        // Before memberships change, because a user that is inserted needs the rooms from
        // before.
        let hold = self.find_remembered(id, held);
        self.memberships.leave(id, room);
        let Some(hold) = hold else {
            return;
        };
        let changed_by = self.rooms.changed_by(room);
        let revision = revision.max(changed_by.unwrap_or_else(|| self.progress.applied()));
        let mut state = hold.cell().state.lock();
        if state.subject.drop_room(room) {
            state.feed.raise_floor(revision);
            hold.note_vacancy(&state, revision);
        }
    }

    /// Removes those of the rooms from a user that the user is not in any more.
    pub(super) fn drop_ended_rooms<'r>(
        &self,
        hold: &Hold<User>,
        rooms: impl IntoIterator<Item = &'r RoomId>,
        held: EntryLockHeld<'_>,
    ) {
        for room in rooms {
            self.drop_ended_room(hold.id().borrowed(), room, 0, held);
        }
    }
}

impl fmt::Debug for RememberedUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RememberedUsers")
            .field("users", &self.table.len())
            .finish_non_exhaustive()
    }
}
