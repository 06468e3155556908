//! One user: the devices that are online, and the rooms that the user may be in. The
//! sessions of devices follow the same rules as sessions in rooms.
//!
//! The module is pure: it uses no clock, no lock and no I/O.

mod change;
mod rooms;

use std::{slice, sync::Arc};

use crate::{
    domain::{LeaveReason, Login, Logins, RoomId, SessionId, Time, UserEvent, UserId},
    reconcile::{
        DatedName, EventOutcome, Footprint, Member, Rule, Rules, digest_of,
        footprint::{USER_WITH_DEVICE, text},
        sessions::Sessions,
    },
};

pub use self::{
    change::{UserChange, UserView},
    rooms::UserRooms,
};

/// What is known of one user.
#[derive(Clone, Debug, Default)]
pub struct User {
    sessions: Sessions,
    /// The name that the latest login gave.
    name: Option<DatedName>,
    /// The rooms that the user entered and has not left, each with the time of the login. A
    /// room that has closed since can still be here, because a close does not change each of
    /// its users.
    rooms: UserRooms,
    /// Whether `rooms` is filled in. The rooms are kept only for users who are remembered.
    knows_rooms: bool,
}

/// How a user's presence in a room changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// The user entered the room, by a login at this time.
    Entered(Option<Time>),
    /// The user was in the room, and is in it by a login at this time now.
    Stayed(Option<Time>),
    /// The user left the room: why and when.
    Left(LeaveReason, Option<Time>),
}

impl User {
    /// Adds an event to the evidence.
    pub fn apply(
        &mut self,
        event: &UserEvent,
        received_at: Time,
        rules: &Rules,
    ) -> EventOutcome<UserChange> {
        if self.is_stale(event, received_at, rules) {
            return EventOutcome::Stale;
        }
        let limit = received_at.saturating_add(rules.reorder_horizon);
        let session = session_of(event);
        let before = self.sessions.present_by(session, rules).cloned();
        let name_before = self.name().cloned();
        match event {
            UserEvent::Login(login) => {
                let evidence_at = login.at.map_or(received_at, |at| at.max(received_at));
                self.rename(login);
                self.sessions.login(login, evidence_at, rules);
            }
            UserEvent::Logout(logout) => {
                let logout = logout.no_later_than(limit);
                let latest = logout.latest();
                let evidence_at = latest.map_or(received_at, |at| at.max(received_at));
                self.sessions.logout(&logout, evidence_at, rules);
            }
        }
        let renamed = (self.name() != name_before.as_ref()).then(|| self.name().cloned());
        let renamed = renamed.flatten().map(UserChange::Renamed);
        let after = self.sessions.present_by(session, rules);
        let devices = self.device_changes(before.as_slice(), after.map_or(&[], slice::from_ref));
        EventOutcome::Applied(renamed.into_iter().chain(devices).collect())
    }

    /// Whether a later event of the same session came before.
    pub fn is_out_of_order(&self, event: &UserEvent) -> bool {
        let latest = self.sessions.latest_of(session_of(event));
        event.at().is_some_and(|at| latest > Some(at))
    }

    fn is_stale(&self, event: &UserEvent, received_at: Time, rules: &Rules) -> bool {
        if rules.in_time(event.at().unwrap_or(received_at), received_at) {
            return false;
        }
        let ends_something_known = match event {
            UserEvent::Login(_) => false,
            UserEvent::Logout(logout) => self.sessions.knows(&logout.session),
        };
        !(ends_something_known && rules.keeps(Rule::LateEndsStillEnd))
    }

    fn rename(&mut self, login: &Login) {
        if !login.profile.nickname.is_empty() {
            let name = DatedName {
                at: login.at,
                name: Arc::from(&*login.profile.nickname),
            };
            self.name = self.name.take().max(Some(name));
        }
    }

    /// The changes between the devices that were online and those that are. Devices that are
    /// online before and after may be left out of both.
    fn device_changes(&self, before: &[Member], after: &[Member]) -> Vec<UserChange> {
        let is_among = |device: &Member, devices: &[Member]| {
            devices
                .iter()
                .any(|other| other.session() == device.session())
        };
        let offline = before.iter().filter(|device| !is_among(device, after));
        let offline = offline.map(|device| {
            let ended = self.sessions.ended_of(device.session());
            UserChange::DeviceOffline {
                device: device.clone(),
                reason: ended.map_or(LeaveReason::Superseded, |ended| ended.reason),
                at: ended.and_then(|ended| ended.at),
            }
        });
        let online = after.iter().filter(|device| !before.contains(device));
        let online = online.map(|device| UserChange::DeviceOnline(device.clone()));
        offline.chain(online).collect()
    }

    /// Notes that the user entered or left a room.
    pub fn note_membership(
        &mut self,
        room: &RoomId,
        membership: &Membership,
    ) -> Option<UserChange> {
        let room = room.clone();
        match *membership {
            // This is a change even if the room is known: then its end was not published.
            Membership::Entered(login_at) => {
                self.rooms.insert(room.clone(), login_at);
                Some(UserChange::RoomEntered { room, login_at })
            }
            Membership::Stayed(login_at) => {
                let known = self.rooms.insert(room.clone(), login_at);
                let is_change = known != Some(login_at);
                is_change.then_some(UserChange::RoomEntered { room, login_at })
            }
            Membership::Left(reason, at) => {
                let login_at = self.rooms.remove(&room)?;
                Some(UserChange::RoomLeft {
                    room,
                    login_at,
                    reason,
                    at,
                })
            }
        }
    }

    /// Removes a room that the user is not in any more, without a visible change. Returns
    /// whether the room was there.
    pub fn drop_room(&mut self, room: &RoomId) -> bool {
        self.rooms.remove(room).is_some()
    }

    /// Whether the rooms that the user may be in are filled in.
    pub(crate) fn knows_rooms(&self) -> bool {
        self.knows_rooms
    }

    /// Fills in the rooms that the user is in.
    pub(crate) fn set_rooms(&mut self, rooms: UserRooms) {
        (self.rooms, self.knows_rooms) = (rooms, true);
    }

    /// Whether the user may be in a room.
    pub fn may_be_in(&self, room: &RoomId) -> bool {
        self.rooms.contains(room)
    }

    /// The rooms that the user may be in.
    pub fn rooms(&self) -> &UserRooms {
        &self.rooms
    }

    /// Forgets what is due at `now`. Online devices stay online.
    pub fn tick(&mut self, now: Time, rules: &Rules) -> Vec<UserChange> {
        let before = self.forgettable(rules);
        self.sessions.forget(now, rules);
        if self.sessions.is_empty() {
            self.name = None;
        }
        self.device_changes(&before, &self.forgettable(rules))
    }

    /// The devices that are online and that could go offline because sessions are forgotten.
    fn forgettable(&self, rules: &Rules) -> Vec<Member> {
        let stay = rules.logins == Logins::Concurrent && rules.keeps(Rule::PresentUsersStay);
        if stay { Vec::new() } else { self.online(rules) }
    }

    /// When the user next has something to forget.
    pub fn due_at(&self, rules: &Rules) -> Option<Time> {
        self.sessions.due_at(rules)
    }

    /// How many sessions of devices there is evidence about.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// What the evidence about the user's devices takes. Nothing, if none is left.
    pub fn footprint(&self) -> Footprint {
        let mut footprint = self.sessions.footprint();
        if !self.is_forgotten() {
            footprint += Footprint {
                users: 1,
                bytes: USER_WITH_DEVICE + text(self.name().map_or(0, |name| name.len())),
                ..Footprint::default()
            };
        }
        footprint
    }

    /// Whether no evidence about the user's devices is left. The rooms need none: they can be
    /// looked up.
    pub fn is_forgotten(&self) -> bool {
        self.sessions.is_empty()
    }

    /// The name that the latest login gave.
    pub fn name(&self) -> Option<&Arc<str>> {
        self.name.as_ref().map(|name| &name.name)
    }

    /// The devices that are online, by login time, then by session id.
    pub fn online(&self, rules: &Rules) -> Vec<Member> {
        let mut online: Vec<_> = self.sessions.live(rules).into_iter().cloned().collect();
        online.sort_by(|a, b| (a.login_at(), a.session()).cmp(&(b.login_at(), b.session())));
        online
    }

    /// A user whose evidence is restored from a checkpoint. The rooms are not filled in.
    pub(crate) fn restore(sessions: Sessions, name: Option<DatedName>) -> Self {
        Self {
            sessions,
            name,
            rooms: UserRooms::default(),
            knows_rooms: false,
        }
    }

    /// A copy of the evidence, without the rooms, because there can be many.
    pub(crate) fn evidence(&self) -> Self {
        Self::restore(self.sessions.clone(), self.name.clone())
    }

    /// The sessions of the devices.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The name that the latest login gave, and the time of that login.
    pub(crate) fn dated_name(&self) -> Option<&DatedName> {
        self.name.as_ref()
    }

    /// What is visible of the user. `rooms` are the rooms that the user is in.
    pub fn view(&self, rooms: UserRooms, rules: &Rules) -> UserView {
        UserView {
            name: self.name().cloned(),
            devices: self.online(rules),
            rooms,
        }
    }
}

fn session_of(event: &UserEvent) -> &SessionId {
    match event {
        UserEvent::Login(login) => &login.session,
        UserEvent::Logout(logout) => &logout.session,
    }
}

/// The digest of a user's devices: the wrapping sum of their [`digest_of`].
pub fn devices_digest(user: &UserId, devices: &[Member]) -> u64 {
    let hashes = devices
        .iter()
        .map(|device| digest_of(user.as_str(), device.session().as_str()));
    hashes.fold(0, u64::wrapping_add)
}

#[cfg(test)]
mod tests;
