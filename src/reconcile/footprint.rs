//! How much memory the evidence takes: an account, kept while evidence comes and goes.
//!
//! It counts what there is, at what one of it was measured to take, and the bytes of ids and
//! texts. So it depends on nothing but the evidence, unlike what a process takes, which falls
//! only slowly. A user is charged for what they may become: the end of a login makes the
//! account no larger.

use std::{
    iter::Sum,
    ops::{AddAssign, SubAssign},
};

use crate::domain::{Decoded, Login, Logout, RoomEvent, RoomEventKind, UserEvent};

// What one takes without its texts, in bytes, rounded up. `cargo bench --bench footprint`
// measures it.

/// A room, without its lives.
pub(super) const ROOM: usize = 512;
/// A life of a room, with its places in the indexes of many lives.
pub(super) const LIFE: usize = 1152;
/// A user in a life of a room, with one session: as a member, and in the index of users; or
/// absent, with the times of the end.
pub(super) const USER_IN_ROOM: usize = 416;
/// A user with the session of one device.
pub(super) const USER_WITH_DEVICE: usize = 640;
/// Another session of a user: the session, and its places in the indexes of many sessions.
pub(super) const SESSION: usize = 768;
/// A run of sequence numbers. The space for runs grows by doubling.
pub(super) const RUN: usize = 32;

/// How often a user's id can be in memory, beside the one in each login: with the sessions, in
/// the index of what is due, and in that of ends. These come from different events, so they do
/// not share an allocation.
pub(super) const USER_ID_COPIES: usize = 3;
/// How often the id of a session can be in memory, beside the one in the login.
pub(super) const SESSION_ID_COPIES: usize = 1;
/// The most bytes of a packed login beside its texts.
const LOGIN_OVERHEAD: usize = 48;

/// The least that a limit on the sessions of a user, or on the lives of a room, may be. So many
/// are indexed, and the indexed ones of all are counted: while they are few, no room or user has
/// to be looked at to know that none is at such a limit.
pub const SESSIONS_OR_LIVES_MIN: usize = 32;

/// How much there is, and how much memory it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Rooms of which there is evidence.
    pub rooms: usize,
    /// Users of whom there is evidence: each user once for each life of a room, present in it or
    /// not, and once more if there is evidence about devices.
    pub users: usize,
    /// The sessions of users who have more than are looked at one by one. No user has more than
    /// all of these together, unless they have few.
    pub indexed_sessions: usize,
    /// The same of the lives of rooms.
    pub indexed_lives: usize,
    /// Callbacks that did not come, by the holes in their numbers.
    pub missing_callbacks: usize,
    /// What all takes except sequence numbers, in bytes.
    pub bytes: usize,
    /// What sequence numbers take, in bytes.
    pub number_bytes: usize,
}

impl Footprint {
    /// What all takes, in bytes.
    pub fn all_bytes(&self) -> usize {
        self.bytes + self.number_bytes
    }
}

/// How many bytes a callback adds at most, whatever is known already.
pub(crate) fn added_at_most(decoded: &Decoded) -> usize {
    match decoded {
        Decoded::Room(events) => {
            let rooms =
                events.chunk_by(|a, b| (&a.room, &a.incarnation) == (&b.room, &b.incarnation));
            rooms.map(added_to_a_life).sum()
        }
        Decoded::User(events) => events.iter().map(added_to_a_user).sum(),
        Decoded::Ignored { .. } | Decoded::Undecodable { .. } => 0,
    }
}

fn added_to_a_life(events: &[RoomEvent]) -> usize {
    let ids = events.first().map_or(0, |event| {
        text(event.room.as_str().len()) + text(event.incarnation.as_str().len())
    });
    let of_event = |event: &RoomEvent| match &event.kind {
        RoomEventKind::Created { creator, name, .. } => {
            let creator = creator.as_ref().map_or(0, |creator| creator.as_str().len());
            text(creator) + text(name.as_ref().map_or(0, |name| name.len()))
        }
        RoomEventKind::Login(login) => USER_IN_ROOM.max(SESSION) + RUN + added_by_login(login),
        RoomEventKind::Logout(logout) => USER_IN_ROOM.max(SESSION) + RUN + added_by_logout(logout),
        RoomEventKind::Closed { .. } | RoomEventKind::Counted { .. } => 0,
    };
    ROOM + LIFE + ids + events.iter().map(of_event).sum::<usize>()
}

fn added_to_a_user(event: &UserEvent) -> usize {
    USER_WITH_DEVICE.max(SESSION)
        + match event {
            UserEvent::Login(login) => added_by_login(login) + text(login.profile.nickname.len()),
            UserEvent::Logout(logout) => added_by_logout(logout),
        }
}

fn added_by_login(login: &Login) -> usize {
    let Login {
        user,
        session,
        profile,
        room_name,
        ..
    } = login;
    let (user, session) = (user.as_str().len(), session.as_str().len());
    let shown = profile.nickname.len() + profile.platform.len() + profile.custom_data.len();
    text(user + session + shown + LOGIN_OVERHEAD)
        + USER_ID_COPIES * text(user)
        + SESSION_ID_COPIES * text(session)
        + text(room_name.as_ref().map_or(0, |name| name.len()))
}

fn added_by_logout(logout: &Logout) -> usize {
    USER_ID_COPIES * text(logout.user.as_str().len())
        + SESSION_ID_COPIES * text(logout.session.as_str().len())
}

/// The bytes that a text of this length takes: an allocator rounds up by an eighth at most.
pub(super) fn text(length: usize) -> usize {
    length + length / 8
}

impl Footprint {
    /// Changes each number by that of another.
    fn combine(&mut self, other: Self, change: impl Fn(&mut usize, usize)) {
        let Self {
            rooms,
            users,
            indexed_sessions,
            indexed_lives,
            missing_callbacks,
            bytes,
            number_bytes,
        } = other;
        change(&mut self.rooms, rooms);
        change(&mut self.users, users);
        change(&mut self.indexed_sessions, indexed_sessions);
        change(&mut self.indexed_lives, indexed_lives);
        change(&mut self.missing_callbacks, missing_callbacks);
        change(&mut self.bytes, bytes);
        change(&mut self.number_bytes, number_bytes);
    }
}

impl AddAssign for Footprint {
    fn add_assign(&mut self, more: Self) {
        self.combine(more, |number, more| *number += more);
    }
}

impl SubAssign for Footprint {
    fn sub_assign(&mut self, less: Self) {
        self.combine(less, |number, less| *number -= less);
    }
}

impl Sum for Footprint {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, one| {
            sum += one;
            sum
        })
    }
}

#[cfg(test)]
mod tests;
