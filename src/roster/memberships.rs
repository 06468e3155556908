//! Which rooms each user of an app may be in. It follows from the rooms, and is
//! kept to find them by: a close does not walk those who were in the room, so who
//! is asked for is looked up in the rooms themselves.

use dashmap::{DashMap, Entry};

use crate::{
    event::{RoomId, UserId},
    user::Membership,
};

#[derive(Debug, Default)]
pub(super) struct Memberships(DashMap<UserId, Rooms>);

/// Hardly anybody is in two rooms at once, and there are many who are in one.
#[derive(Debug)]
enum Rooms {
    One(RoomId),
    More(Vec<RoomId>),
}

impl Rooms {
    fn as_slice(&self) -> &[RoomId] {
        match self {
            Self::One(room) => std::slice::from_ref(room),
            Self::More(rooms) => rooms,
        }
    }

    fn add(&mut self, room: &RoomId) {
        match self {
            known if known.as_slice().contains(room) => {}
            Self::One(known) => *self = Self::More(vec![known.clone(), room.clone()]),
            Self::More(rooms) => rooms.push(room.clone()),
        }
    }

    /// Says whether any is left.
    fn remove(&mut self, room: &RoomId) -> bool {
        match self {
            Self::One(known) => known != room,
            Self::More(rooms) => {
                rooms.retain(|known| known != room);
                !rooms.is_empty()
            }
        }
    }
}

impl Memberships {
    /// Notes that a user entered or left a room.
    pub(super) fn note(&self, user: &UserId, room: &RoomId, membership: &Membership) {
        match membership {
            Membership::Entered(_) | Membership::Stayed(_) => self.enter(user, room),
            Membership::Left(..) => self.leave(user, room),
        }
    }

    pub(super) fn enter(&self, user: &UserId, room: &RoomId) {
        match self.0.entry(user.clone()) {
            Entry::Occupied(mut rooms) => rooms.get_mut().add(room),
            Entry::Vacant(rooms) => drop(rooms.insert(Rooms::One(room.clone()))),
        }
    }

    pub(super) fn leave(&self, user: &UserId, room: &RoomId) {
        self.0.remove_if_mut(user, |_, rooms| !rooms.remove(room));
    }

    /// The rooms that a user may be in.
    pub(super) fn of(&self, user: &UserId) -> Vec<RoomId> {
        let rooms = self.0.get(user);
        rooms.map_or_else(Vec::new, |rooms| rooms.as_slice().to_vec())
    }

    /// Whether a user may be in a room.
    pub(super) fn has(&self, user: &UserId, room: &RoomId) -> bool {
        let rooms = self.0.get(user);
        rooms.is_some_and(|rooms| rooms.as_slice().contains(room))
    }

    /// How many users may be in a room.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
