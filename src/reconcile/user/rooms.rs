//! The rooms of one user, which many readers may have at once.

use std::ops::Bound;

use imbl::OrdMap;

use crate::domain::{RoomId, Time};

/// Rooms by id, each with the time of the user's login if known. To clone them costs a reference
/// count, and a clone shares what does not change: a user in 100,000 rooms may have 1,000 watches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserRooms(OrdMap<RoomId, Option<Time>>);

impl UserRooms {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&RoomId, Option<Time>)> {
        self.after(None)
    }

    /// Those after `after`, which need not be among them; all if it is `None`.
    pub fn after(&self, after: Option<&RoomId>) -> impl Iterator<Item = (&RoomId, Option<Time>)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rooms = self.0.range::<_, RoomId>((from, Bound::Unbounded));
        rooms.map(|(room, login_at)| (room, *login_at))
    }

    /// When the user logged in to a room that is among them: `None` if it is not, `Some(None)` if
    /// the time is not known.
    pub fn login_at(&self, room: &RoomId) -> Option<Option<Time>> {
        self.0.get(room).copied()
    }

    /// Whether a room is among them.
    pub fn contains(&self, room: &RoomId) -> bool {
        self.0.contains_key(room)
    }

    /// Adds a room, or its new login. Returns what was known of it.
    pub fn insert(&mut self, room: RoomId, login_at: Option<Time>) -> Option<Option<Time>> {
        self.0.insert(room, login_at)
    }

    /// Removes a room. Returns what was known of it.
    pub fn remove(&mut self, room: &RoomId) -> Option<Option<Time>> {
        self.0.remove(room)
    }

    /// Whether both are one in memory.
    #[cfg(test)]
    pub(crate) fn are_shared_with(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl FromIterator<(RoomId, Option<Time>)> for UserRooms {
    fn from_iter<I: IntoIterator<Item = (RoomId, Option<Time>)>>(rooms: I) -> Self {
        Self(rooms.into_iter().collect())
    }
}
