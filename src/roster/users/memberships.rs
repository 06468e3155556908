//! An index from each user of an app to the rooms that the user may be in. It follows from
//! the rooms. A room that closes does not change it, so that a close need not go through the
//! room's members. So a reader of the index has to check the rooms.

use std::{
    array,
    collections::{HashMap, HashSet, hash_map::RandomState},
    fmt,
    hash::BuildHasher as _,
    sync::atomic::{AtomicUsize, Ordering},
};

use hashbrown::HashTable;
use parking_lot::RwLock;

use crate::{
    domain::{RoomId, UserId, UserIdRef},
    reconcile::UserKey,
};

/// The number of shards, each of which has its own lock and grows by itself.
const SHARDS: usize = 256;

/// The most rooms of a user that are searched one by one. A user in more rooms, such as a
/// recorder that is in thousands, has a set of rooms.
const FEW_MAX: usize = 16;

/// The rooms that each user may be in.
pub(crate) struct Memberships {
    shards: [RwLock<Shard>; SHARDS],
    hasher: RandomState,
    /// The number of users in all shards, so that it is read without a lock.
    users: AtomicUsize,
}

#[derive(Default)]
struct Shard {
    /// One element for each user and room, by the hash of the user. Few users are in two rooms
    /// at once.
    user_rooms: HashTable<UserRoom>,
    /// The number of users in `user_rooms`.
    users: usize,
    /// The rooms of users who were in many rooms at once. A user stays here until they are in
    /// no room.
    many: HashMap<UserId, HashSet<RoomId>>,
}

/// A user and a room that they may be in. There are many, so it takes two pointers: the key
/// shares the allocation of the room's member.
struct UserRoom {
    user: UserKey,
    room: RoomId,
}

impl Shard {
    /// The number of users.
    fn len(&self) -> usize {
        self.users + self.many.len()
    }

    /// The rooms of a user, in no order.
    fn of(&self, hash: u64, user: UserIdRef<'_>) -> impl Iterator<Item = &RoomId> {
        let few = self.few(hash, user);
        few.chain(self.many.get(user.as_str()).into_iter().flatten())
    }

    fn few(&self, hash: u64, user: UserIdRef<'_>) -> impl Iterator<Item = &RoomId> {
        let user_rooms = self.user_rooms.iter_hash(hash);
        let own = user_rooms.filter(move |user_room| user_room.user.user() == user);
        own.map(|user_room| &user_room.room)
    }

    fn has(&self, hash: u64, user: UserIdRef<'_>, room: &RoomId) -> bool {
        match self.many.get(user.as_str()) {
            Some(rooms) => rooms.contains(room),
            None => self.few(hash, user).any(|known| known == room),
        }
    }

    fn enter(&mut self, hash: u64, user_room: UserRoom, hasher: &RandomState) {
        if let Some(rooms) = self.many.get_mut(user_room.user.user().as_str()) {
            rooms.insert(user_room.room);
            return;
        }
        let is_same =
            |known: &UserRoom| known.user == user_room.user && known.room == user_room.room;
        match self.user_rooms.find_mut(hash, is_same) {
            // Replaced, because the old key would keep the allocation of an earlier login.
            Some(known) => *known = user_room,
            None => match self.few(hash, user_room.user.user()).count() {
                FEW_MAX => self.spread(hash, user_room),
                count => {
                    self.users += usize::from(count == 0);
                    let hash_of = |user_room: &UserRoom| hasher.hash_one(&user_room.user);
                    self.user_rooms.insert_unique(hash, user_room, hash_of);
                }
            },
        }
    }

    /// Moves the rooms of a user to a set, and adds one room.
    fn spread(&mut self, hash: u64, user_room: UserRoom) {
        let mut rooms = HashSet::from([user_room.room]);
        let is_of_user = |known: &UserRoom| known.user == user_room.user;
        while let Ok(known) = self.user_rooms.find_entry(hash, is_of_user) {
            rooms.insert(known.remove().0.room);
        }
        self.users -= 1;
        self.many.insert(user_room.user.user().into(), rooms);
    }

    fn leave(&mut self, hash: u64, user: UserIdRef<'_>, room: &RoomId) {
        if let Some(rooms) = self.many.get_mut(user.as_str()) {
            rooms.remove(room);
            if rooms.is_empty() {
                self.many.remove(user.as_str());
            }
            return;
        }
        let is_same =
            |user_room: &UserRoom| user_room.user.user() == user && user_room.room == *room;
        if let Ok(user_room) = self.user_rooms.find_entry(hash, is_same) {
            user_room.remove();
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
        let user_room = UserRoom { user, room };
        self.change(shard, |shard| shard.enter(hash, user_room, &self.hasher));
    }

    /// Notes that a user is not in a room any more.
    pub(crate) fn leave(&self, user: UserIdRef<'_>, room: &RoomId) {
        let (hash, shard) = self.find(user);
        self.change(shard, |shard| shard.leave(hash, user, room));
    }

    fn change(&self, shard: &RwLock<Shard>, change: impl FnOnce(&mut Shard)) {
        let mut shard = shard.write();
        let before = shard.len();
        change(&mut shard);
        let more = shard.len().wrapping_sub(before);
        self.users.fetch_add(more, Ordering::Relaxed);
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

    /// The number of users who may be in a room.
    pub(crate) fn len(&self) -> usize {
        self.users.load(Ordering::Relaxed)
    }

    fn find(&self, user: UserIdRef<'_>) -> (u64, &RwLock<Shard>) {
        let hash = self.hasher.hash_one(user);
        // Selected by other bits than a hash table uses, which are the lowest and the highest.
        (hash, &self.shards[(hash >> 40) as usize % SHARDS])
    }
}

impl Default for Memberships {
    fn default() -> Self {
        Self {
            shards: array::from_fn(|_| RwLock::default()),
            hasher: RandomState::new(),
            users: AtomicUsize::new(0),
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
