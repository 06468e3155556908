//! The users of one app.

pub(in crate::roster) mod memberships;
pub(in crate::roster) mod recently_queried;
pub(in crate::roster) mod room_end_notifier;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::{Mutex, RwLockReadGuard};

use crate::{
    domain::{AppName, RoomId, Time, UserId, UserIdRef},
    journal::Revision,
    reconcile::Rules,
    reconcile::user::{User, UserChange, UserView},
    roster::{
        App, Roster,
        feed::Weigh,
        subject::table::{Hold, Subject, Table},
        watch::{Place, Watched},
    },
};

use self::{memberships::Memberships, recently_queried::RecentlyQueried};

/// What a message takes beyond its texts: tags, lengths, times.
const OVERHEAD: usize = 64;

pub(in crate::roster) struct AppUsers {
    /// Those who have devices, are watched, or were asked for lately.
    pub(in crate::roster) table: Arc<Table<User>>,
    /// All who may be in a room.
    pub(in crate::roster) memberships: Memberships,
    pub(in crate::roster) recently_queried: Mutex<RecentlyQueried>,
    /// How the app's users log in.
    pub(in crate::roster) rules: Rules,
    /// Users who are watched, by how many: those who are told at once when a room
    /// that they are in closes.
    watched: Mutex<HashMap<UserId, usize>>,
}

/// A user counts as watched while this is kept.
#[derive(Debug)]
pub(in crate::roster) struct Watching {
    roster: Arc<Roster>,
    app: AppName,
    user: UserId,
}

impl AppUsers {
    pub(in crate::roster) fn new(rules: Rules, account: Arc<AtomicUsize>) -> Self {
        Self {
            table: Arc::new(Table::new(account)),
            memberships: Memberships::default(),
            recently_queried: Mutex::default(),
            rules,
            watched: Mutex::default(),
        }
    }

    /// The users who are watched and may be in a room.
    pub(in crate::roster) fn watched_in(&self, room: &RoomId) -> Vec<UserId> {
        let watched = self.watched.lock();
        let users = watched.keys();
        users
            .filter(|user| self.memberships.has(user.borrowed(), room))
            .cloned()
            .collect()
    }
}

impl Roster {
    /// Counts a user as watched from now on.
    pub(in crate::roster) fn note_watched(
        self: &Arc<Self>,
        app: &AppName,
        user: &UserId,
    ) -> Watching {
        if let Some(app) = self.apps.get(app) {
            *app.users.watched.lock().entry(user.clone()).or_default() += 1;
        }
        Watching {
            roster: Arc::clone(self),
            app: app.clone(),
            user: user.clone(),
        }
    }

    /// A user of whom what happens is remembered from now on. What happened up to now
    /// was not, if the user is not there yet. The caller keeps entries from being
    /// applied, or applies one that changes no rooms.
    pub(in crate::roster) fn find_user(
        &self,
        app: &App,
        id: UserIdRef<'_>,
        now: Revision,
    ) -> Hold<User> {
        let rooms = |room| Some((self.presence(app, &room, id)?, room));
        self.find_user_in(app, id, now, rooms)
    }

    /// The same while the journal is replayed: then of everybody is remembered what
    /// happens. The rooms are those from before the entry that is being applied, but
    /// for those in which `is_news` what the user is: of them it is to be told.
    pub(in crate::roster) fn find_user_behind(
        &self,
        app: &App,
        id: UserIdRef<'_>,
        is_news: impl Fn(&RoomId) -> bool,
    ) -> Hold<User> {
        let rooms = |room| {
            let login_at = self.presence(app, &room, id).flatten();
            (!is_news(&room)).then_some((login_at, room))
        };
        self.find_user_in(app, id, 0, rooms)
    }

    /// A user of whom what happens is remembered: while the journal is replayed, that
    /// is everybody.
    fn find_remembered(&self, app: &App, id: UserIdRef<'_>) -> Option<Hold<User>> {
        let users = &app.users;
        let known = users.table.get(id.as_str());
        if known.is_some() || !self.is_behind.load(Ordering::Acquire) {
            return known;
        }
        let hold = self.find_user_behind(app, id, |_| false);
        // Nothing else keeps one who has no history.
        users.recently_queried.lock().note(hold, self.now());
        users.table.get(id.as_str())
    }

    fn find_user_in(
        &self,
        app: &App,
        id: UserIdRef<'_>,
        floor: Revision,
        place: impl Fn(RoomId) -> Option<(Option<Time>, RoomId)>,
    ) -> Hold<User> {
        let table = &app.users.table;
        let known = table.get(id.as_str());
        let hold = known.unwrap_or_else(|| table.get_or_insert(&id.into()));
        if hold.cell().state.lock().subject.is_placed() {
            return hold;
        }
        let rooms = app.users.memberships.of(id).into_iter().filter_map(place);
        let rooms = rooms.map(|(login_at, room)| (room, login_at)).collect();
        let mut state = hold.cell().state.lock();
        state.subject.place(rooms);
        state.feed.raise_floor(floor);
        drop(state);
        hold
    }

    /// The rooms that a user is in: of those that the user may be in, the ones in
    /// which the user is present now.
    fn rooms_of(&self, place: &Place<'_, User>, user: &User) -> Vec<(RoomId, Option<Time>)> {
        let rooms = user
            .rooms()
            .filter(|(room, _)| self.is_in(place.app, room, place.id.borrowed()));
        rooms
            .map(|(room, login_at)| (room.clone(), login_at))
            .collect()
    }

    fn is_in(&self, app: &AppName, room: &RoomId, user: UserIdRef<'_>) -> bool {
        let app = self.apps.get(app);
        app.is_some_and(|app| self.presence(app, room, user).is_some())
    }

    /// Since when a user is in a room, if he is; `Some(None)` if that is not known.
    fn presence(&self, app: &App, room: &RoomId, user: UserIdRef<'_>) -> Option<Option<Time>> {
        let hold = app.rooms.table.get(room)?;
        let state = hold.cell().state.lock();
        let member = state.subject.present(user.as_str(), &self.rules)?;
        Some(member.login_at())
    }

    /// Drops a room that a user is not in any more, though nobody said so: its life
    /// ended by `revision`, or later. The caller keeps entries from being applied.
    pub(in crate::roster) fn drop_room(
        &self,
        app: &AppName,
        id: UserIdRef<'_>,
        room: &RoomId,
        revision: Revision,
    ) {
        let Some(of_app) = self.apps.get(app) else {
            return;
        };
        let users = &of_app.users;
        if self.is_in(app, room, id) {
            return;
        }
        // Before the room is not among the user's any more.
        let hold = self.find_remembered(of_app, id);
        users.memberships.leave(id, room);
        let Some(hold) = hold else {
            return;
        };
        let revision = self.changed_by(app, room).max(revision);
        let mut state = hold.cell().state.lock();
        if state.subject.drop_room(room) {
            state.feed.raise_floor(revision);
            hold.note_vacancy(&state, revision);
        }
    }

    /// Drops all such rooms of a user.
    pub(in crate::roster) fn drop_rooms(&self, hold: &Hold<User>, app: &AppName) {
        let rooms: Vec<RoomId> = {
            let state = hold.cell().state.lock();
            let rooms = state.subject.rooms();
            rooms.map(|(room, _)| room.clone()).collect()
        };
        for room in rooms {
            self.drop_room(app, hold.id().borrowed(), &room, 0);
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
        // Who comes back soon can go on.
        if let Some(hold) = app.users.table.get(&self.user) {
            let now = self.roster.now();
            app.users.recently_queried.lock().note(hold, now);
        }
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
                    device.session().as_str().len() + device.profile().platform.len()
                }
                Self::RoomEntered { room, .. } | Self::RoomLeft { room, .. } => room.as_str().len(),
                Self::Renamed(name) => name.len(),
            }
    }
}
