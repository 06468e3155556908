//! Which rooms each user of an app may be in. It follows from the rooms, and is
//! kept to find them by: a close does not walk those who were in the room, so who
//! is asked for is looked up in the rooms themselves.

use std::{
    array,
    collections::{HashMap, HashSet, hash_map::RandomState},
    fmt,
    hash::BuildHasher as _,
};

use hashbrown::HashTable;
use parking_lot::RwLock;

use crate::{
    domain::{RoomId, UserId, UserIdRef},
    reconcile::UserKey,
};

/// Parts with a lock of their own, each of which grows by itself.
const SHARDS: usize = 256;

/// The most rooms of a user that are found one by one. Those of a recorder, say, who
/// may be in thousands, are kept in a set of their own.
const FEW_MAX: usize = 16;

pub(crate) struct Memberships {
    shards: [RwLock<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    /// By user. Hardly anybody is in two rooms at once, so who is has two entries.
    places: HashTable<Place>,
    /// How many users they are of.
    users: usize,
    /// The rooms of those who were in many at once, until they are in none.
    many: HashMap<UserId, HashSet<RoomId>>,
}

/// A user and a room that the user may be in: two pointers, as there are many. The
/// key shares the allocation of the member that the room has.
struct Place {
    user: UserKey,
    room: RoomId,
}

impl Shard {
    /// The rooms of a user, in no order.
    fn of(&self, hash: u64, user: UserIdRef<'_>) -> impl Iterator<Item = &RoomId> {
        let few = self.few(hash, user);
        few.chain(self.many.get(user.as_str()).into_iter().flatten())
    }

    fn few(&self, hash: u64, user: UserIdRef<'_>) -> impl Iterator<Item = &RoomId> {
        let places = self.places.iter_hash(hash);
        let own = places.filter(move |place| place.user.user() == user);
        own.map(|place| &place.room)
    }

    fn has(&self, hash: u64, user: UserIdRef<'_>, room: &RoomId) -> bool {
        match self.many.get(user.as_str()) {
            Some(rooms) => rooms.contains(room),
            None => self.few(hash, user).any(|known| known == room),
        }
    }

    fn enter(&mut self, hash: u64, place: Place, hasher: &RandomState) {
        if let Some(rooms) = self.many.get_mut(place.user.user().as_str()) {
            rooms.insert(place.room);
            return;
        }
        let is_it = |known: &Place| known.user == place.user && known.room == place.room;
        match self.places.find_mut(hash, is_it) {
            // The key that is known goes, and with it the login that it shares.
            Some(known) => *known = place,
            None => match self.few(hash, place.user.user()).count() {
                FEW_MAX => self.spread(hash, place),
                count => {
                    self.users += usize::from(count == 0);
                    let hash_of = |place: &Place| hasher.hash_one(&place.user);
                    self.places.insert_unique(hash, place, hash_of);
                }
            },
        }
    }

    /// Keeps the rooms of a user in a set from now on, with one more.
    fn spread(&mut self, hash: u64, place: Place) {
        let mut rooms = HashSet::from([place.room]);
        let is_own = |known: &Place| known.user == place.user;
        while let Ok(known) = self.places.find_entry(hash, is_own) {
            rooms.insert(known.remove().0.room);
        }
        self.users -= 1;
        self.many.insert(place.user.user().into(), rooms);
    }

    fn leave(&mut self, hash: u64, user: UserIdRef<'_>, room: &RoomId) {
        if let Some(rooms) = self.many.get_mut(user.as_str()) {
            rooms.remove(room);
            if rooms.is_empty() {
                self.many.remove(user.as_str());
            }
            return;
        }
        let is_it = |place: &Place| place.user.user() == user && place.room == *room;
        if let Ok(place) = self.places.find_entry(hash, is_it) {
            place.remove();
            let is_gone = self.few(hash, user).next().is_none();
            self.users -= usize::from(is_gone);
        }
    }
}

impl Memberships {
    /// Notes that a user may be in a room.
    pub(crate) fn enter(&self, user: UserKey, room: &RoomId) {
        let (hash, shard) = self.find(user.user());
        let room = room.clone();
        let place = Place { user, room };
        shard.write().enter(hash, place, &self.hasher);
    }

    /// Notes that a user is not in a room any more.
    pub(crate) fn leave(&self, user: UserIdRef<'_>, room: &RoomId) {
        let (hash, shard) = self.find(user);
        shard.write().leave(hash, user, room);
    }

    /// The rooms that a user may be in, in no order.
    pub(crate) fn of(&self, user: UserIdRef<'_>) -> Vec<RoomId> {
        let (hash, shard) = self.find(user);
        shard.read().of(hash, user).cloned().collect()
    }

    /// Whether a user may be in a room.
    pub(crate) fn has(&self, user: UserIdRef<'_>, room: &RoomId) -> bool {
        let (hash, shard) = self.find(user);
        shard.read().has(hash, user, room)
    }

    /// How many users may be in a room.
    pub(crate) fn len(&self) -> usize {
        let counts = self.shards.iter().map(|shard| {
            let shard = shard.read();
            shard.users + shard.many.len()
        });
        counts.sum()
    }

    fn find(&self, user: UserIdRef<'_>) -> (u64, &RwLock<Shard>) {
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

    fn rooms_of(memberships: &Memberships, user: UserIdRef<'_>) -> Vec<String> {
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
        let ids: [UserId; 2] = ["ann".into(), "bob".into()];
        let [ann, bob] = [ids[0].borrowed(), ids[1].borrowed()];
        let [one, two]: [RoomId; 2] = ["1".into(), "2".into()];
        for (user, room) in [(ann, &one), (ann, &two), (bob, &two), (ann, &two)] {
            memberships.enter(user.into(), room);
        }
        assert_eq!(rooms_of(&memberships, ann), ["1", "2"]);
        assert_eq!(rooms_of(&memberships, bob), ["2"]);
        assert_eq!(memberships.len(), 2);
        memberships.leave(ann, &two);
        memberships.leave(ann, &two);
        assert_eq!(rooms_of(&memberships, ann), ["1"]);
        assert!(memberships.has(bob, &two) && !memberships.has(ann, &two));
        assert_eq!(memberships.len(), 2);
        memberships.leave(ann, &one);
        assert_eq!((memberships.of(ann).len(), memberships.len()), (0, 1));
    }

    #[test]
    fn a_user_may_be_in_few_rooms_or_in_many() {
        let memberships = Memberships::default();
        let id = UserId::from("recorder");
        let bot = id.borrowed();
        for count in [FEW_MAX, FEW_MAX + 1, 20_000] {
            let rooms: Vec<RoomId> = (0..count).map(|n| n.to_string().as_str().into()).collect();
            for room in rooms.iter().chain(&rooms[..1]) {
                memberships.enter(bot.into(), room);
            }
            assert_eq!((memberships.of(bot).len(), memberships.len()), (count, 1));
            assert!(rooms.iter().all(|room| memberships.has(bot, room)));
            memberships.leave(bot, &"elsewhere".into());
            for (left, room) in rooms.iter().enumerate() {
                assert_eq!(memberships.len(), 1, "{left} of {count} left");
                memberships.leave(bot, room);
                assert!(!memberships.has(bot, room));
            }
            assert_eq!((memberships.of(bot).len(), memberships.len()), (0, 0));
        }
    }

    #[test]
    fn many_users_are_found() {
        let memberships = Memberships::default();
        let room = RoomId::from("r");
        let users: Vec<UserId> = (0..10_000)
            .map(|n: u32| n.to_string().as_str().into())
            .collect();
        for user in &users {
            memberships.enter(user.borrowed().into(), &room);
        }
        assert!(
            users
                .iter()
                .all(|user| memberships.has(user.borrowed(), &room))
        );
        assert_eq!(memberships.len(), users.len());
        for user in &users {
            memberships.leave(user.borrowed(), &room);
        }
        assert_eq!(memberships.len(), 0);
    }
}
