//! Which rooms each user of an app may be in. It follows from the rooms, and is
//! kept to find them by: a close does not walk those who were in the room, so who
//! is asked for is looked up in the rooms themselves.

use std::{array, collections::hash_map::RandomState, fmt, hash::BuildHasher as _};

use hashbrown::{HashTable, hash_table::Entry};
use parking_lot::RwLock;

use crate::{
    event::{RoomId, UserId},
    user::Membership,
};

/// Parts with a lock of their own, each of which grows by itself.
const SHARDS: usize = 256;

pub(super) struct Memberships {
    shards: [RwLock<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    /// By user. Hardly anybody is in two rooms at once, so who is has two entries.
    places: HashTable<Place>,
    /// How many users they are of.
    users: usize,
}

/// A user and a room that the user may be in: two pointers, as there are many.
struct Place {
    user: UserId,
    room: RoomId,
}

impl Shard {
    fn of(&self, hash: u64, user: &UserId) -> impl Iterator<Item = &RoomId> {
        let places = self.places.iter_hash(hash);
        let own = places.filter(move |place| place.user == *user);
        own.map(|place| &place.room)
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

    /// The ids are kept, and what they are part of.
    pub(super) fn enter(&self, user: &UserId, room: &RoomId) {
        let (hash, shard) = self.find(user);
        let mut shard = shard.write();
        let is_new = shard.of(hash, user).next().is_none();
        let is_it = |place: &Place| place.user == *user && place.room == *room;
        let hash_of = |place: &Place| self.hasher.hash_one(&place.user);
        let place = Place {
            user: user.clone(),
            room: room.clone(),
        };
        match shard.places.entry(hash, is_it, hash_of) {
            // With the id that is known goes the login that it is part of.
            Entry::Occupied(mut known) => *known.get_mut() = place,
            Entry::Vacant(vacant) => drop(vacant.insert(place)),
        }
        shard.users += usize::from(is_new);
    }

    pub(super) fn leave(&self, user: &UserId, room: &RoomId) {
        let (hash, shard) = self.find(user);
        let mut shard = shard.write();
        let is_it = |place: &Place| place.user == *user && place.room == *room;
        if let Ok(place) = shard.places.find_entry(hash, is_it) {
            place.remove();
            let is_gone = shard.of(hash, user).next().is_none();
            shard.users -= usize::from(is_gone);
        }
    }

    /// The rooms that a user may be in, in no order.
    pub(super) fn of(&self, user: &UserId) -> Vec<RoomId> {
        let (hash, shard) = self.find(user);
        shard.read().of(hash, user).cloned().collect()
    }

    /// Whether a user may be in a room.
    pub(super) fn has(&self, user: &UserId, room: &RoomId) -> bool {
        let (hash, shard) = self.find(user);
        shard.read().of(hash, user).any(|known| known == room)
    }

    /// How many users may be in a room.
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().users).sum()
    }

    fn find(&self, user: &UserId) -> (u64, &RwLock<Shard>) {
        let hash = self.hasher.hash_one(user);
        // Not by the bits that a table goes by: the lowest and the highest.
        (hash, &self.shards[(hash >> 40) as usize % SHARDS])
    }
}

impl Default for Memberships {
    fn default() -> Self {
        Self {
            shards: array::from_fn(|_| RwLock::default()),
            hasher: RandomState::new(),
        }
    }
}

impl fmt::Debug for Memberships {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memberships")
            .field("users", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms_of(memberships: &Memberships, user: &UserId) -> Vec<String> {
        let mut rooms: Vec<_> = memberships
            .of(user)
            .iter()
            .map(|it| it.as_str().to_owned())
            .collect();
        rooms.sort();
        rooms
    }

    #[test]
    fn a_user_is_found_in_each_room_once() {
        let memberships = Memberships::default();
        let [ann, bob]: [UserId; 2] = ["ann".into(), "bob".into()];
        let [one, two]: [RoomId; 2] = ["1".into(), "2".into()];
        for (user, room) in [(&ann, &one), (&ann, &two), (&bob, &two), (&ann, &two)] {
            memberships.enter(user, room);
        }
        assert_eq!(rooms_of(&memberships, &ann), ["1", "2"]);
        assert_eq!(rooms_of(&memberships, &bob), ["2"]);
        assert_eq!(memberships.len(), 2);
        memberships.leave(&ann, &two);
        memberships.leave(&ann, &two);
        assert_eq!(rooms_of(&memberships, &ann), ["1"]);
        assert!(memberships.has(&bob, &two) && !memberships.has(&ann, &two));
        assert_eq!(memberships.len(), 2);
        memberships.leave(&ann, &one);
        assert_eq!((memberships.of(&ann).len(), memberships.len()), (0, 1));
    }

    #[test]
    fn many_users_are_found() {
        let memberships = Memberships::default();
        let room = RoomId::from("r");
        let users: Vec<UserId> = (0..10_000)
            .map(|n: u32| n.to_string().as_str().into())
            .collect();
        users.iter().for_each(|user| memberships.enter(user, &room));
        assert!(users.iter().all(|user| memberships.has(user, &room)));
        assert_eq!(memberships.len(), users.len());
        users.iter().for_each(|user| memberships.leave(user, &room));
        assert_eq!(memberships.len(), 0);
    }
}
