//! The users of one app.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, atomic::AtomicUsize},
};

use parking_lot::{Mutex, RwLockReadGuard};

use crate::{
    event::{AppName, RoomId, Time, UserId},
    journal::Revision,
    room::Rules,
    roster::{
        Roster,
        feed::Weigh,
        table::{Hold, Subject, Table},
        watch::{Place, Watched},
    },
    user::{User, UserChange, UserView},
};

/// What a message takes beyond its texts: tags, lengths, times.
const OVERHEAD: usize = 64;

pub(super) struct AppUsers {
    pub(super) table: Arc<Table<User>>,
    /// How the app's users log in.
    pub(super) rules: Rules,
    /// Users who are watched, by how many: those who are told at once when a room
    /// that they are in closes.
    watched: Mutex<HashMap<UserId, usize>>,
}

/// A user counts as watched while this is kept.
#[derive(Debug)]
pub(super) struct Watching {
    roster: Arc<Roster>,
    app: AppName,
    user: UserId,
}

impl AppUsers {
    pub(super) fn new(rules: Rules, account: Arc<AtomicUsize>) -> Self {
        Self {
            table: Arc::new(Table::new(account)),
            rules,
            watched: Mutex::default(),
        }
    }

    /// The users who are watched and may be in a room.
    pub(super) fn watched_in(&self, room: &RoomId) -> Vec<UserId> {
        let watched = self.watched.lock();
        let may_be_in = |user: &&UserId| {
            let hold = self.table.get(user);
            hold.is_some_and(|hold| hold.cell().state.lock().subject.may_be_in(room))
        };
        watched.keys().filter(may_be_in).cloned().collect()
    }
}

impl Roster {
    /// Counts a user as watched from now on.
    pub(super) fn note_watched(self: &Arc<Self>, app: &AppName, user: &UserId) -> Watching {
        if let Some(app) = self.apps.get(app) {
            *app.users.watched.lock().entry(user.clone()).or_default() += 1;
        }
        Watching {
            roster: Arc::clone(self),
            app: app.clone(),
            user: user.clone(),
        }
    }

    /// The rooms that a user is in: of those that the user may be in, the ones in
    /// which the user is present now.
    fn rooms_of(&self, place: &Place<'_, User>, user: &User) -> Vec<(RoomId, Option<Time>)> {
        let rooms = user
            .rooms()
            .filter(|(room, _)| self.is_in(place.app, room, place.id));
        rooms
            .map(|(room, login_at)| (room.clone(), login_at))
            .collect()
    }

    fn is_in(&self, app: &AppName, room: &RoomId, user: &UserId) -> bool {
        let hold = self.apps.get(app).and_then(|app| app.rooms.table.get(room));
        hold.is_some_and(|hold| {
            hold.cell()
                .state
                .lock()
                .subject
                .has(user.as_str(), &self.rules)
        })
    }

    /// Drops a room that the user is not in any more, though nobody said so: its
    /// life ended by `revision`, or later. The caller keeps entries from being
    /// applied.
    pub(super) fn drop_room(
        &self,
        hold: &Hold<User>,
        app: &AppName,
        room: &RoomId,
        revision: Revision,
    ) {
        if self.is_in(app, room, hold.id()) {
            return;
        }
        let revision = self.changed_by(app, room).max(revision);
        let mut state = hold.cell().state.lock();
        if state.subject.drop_room(room) {
            state.feed.raise_floor(revision);
            hold.note_vacancy(&state, revision);
        }
    }

    /// Drops all such rooms of a user.
    pub(super) fn drop_rooms(&self, hold: &Hold<User>, app: &AppName) {
        let rooms: Vec<RoomId> = {
            let state = hold.cell().state.lock();
            state
                .subject
                .rooms()
                .map(|(room, _)| room.clone())
                .collect()
        };
        for room in rooms {
            self.drop_room(hold, app, &room, 0);
        }
    }

    /// By when a room was last changed, at the latest.
    fn changed_by(&self, app: &AppName, room: &RoomId) -> Revision {
        let known = self.apps.get(app).and_then(|app| app.rooms.table.get(room));
        known.map_or_else(
            || self.applied(),
            |room| {
                let state = room.cell().state.lock();
                // One that was forgotten, and is watched, begins at its floor.
                state.feed.revision().max(state.feed.floor())
            },
        )
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let Some(app) = self.roster.apps.get(&self.app) else {
            return;
        };
        let mut watched = app.users.watched.lock();
        if let Some(watchers) = watched.get_mut(&self.user) {
            *watchers -= 1;
            if *watchers == 0 {
                watched.remove(&self.user);
            }
        }
    }
}

impl fmt::Debug for AppUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppUsers")
            .field("users", &self.table.len())
            .finish_non_exhaustive()
    }
}

impl Subject for User {
    type Id = UserId;
    type Change = UserChange;

    // With its history: who leaves the last room can still be resumed.
    fn is_vacant(&self, has_history: bool) -> bool {
        self.is_forgotten() && !has_history
    }

    fn evidence(&self) -> Self {
        User::evidence(self)
    }
}

impl Watched for User {
    type View = UserView;

    // A user's rooms are looked up in the rooms: none of them may change meanwhile.
    fn pause(roster: &Roster) -> Option<RwLockReadGuard<'_, ()>> {
        Some(roster.applying.read())
    }

    fn look(&self, place: &Place<'_, User>) -> UserView {
        let Place { roster, app, .. } = place;
        let Some(app) = roster.apps.get(*app) else {
            return UserView::default();
        };
        self.view(roster.rooms_of(place, self), &app.users.rules)
    }
}

impl Weigh for UserChange {
    fn bytes(&self) -> usize {
        OVERHEAD
            + match self {
                Self::DeviceOnline(device) | Self::DeviceOffline { device, .. } => {
                    device.session.as_str().len() + device.profile.platform.len()
                }
                Self::RoomEntered { room, .. } | Self::RoomLeft { room, .. } => room.as_str().len(),
                Self::Renamed(name) => name.len(),
            }
    }
}
