//! Rooms: the evidence, and nothing that follows from it.

use crate::{reconcile::room::Room, stored};

use super::{
    check::{StoredError, ensure},
    incarnation,
    room_users::{FurtherUsers, LeftUsers, Place},
};

/// A room's lives, with as many of its users as one record has a place for, and the others.
pub(crate) fn to_records(room: &Room) -> (Vec<stored::Incarnation>, FurtherUsers<'_>) {
    let (mut place, mut left) = (Place::default(), Vec::new());
    let lives = room.incarnations().map(|(id, life)| {
        let mut users = LeftUsers::of(life.users());
        let record = incarnation::to_record(id, life, users.take(&mut place));
        left.push((id, users));
        record
    });
    let lives = lives.collect();
    (lives, FurtherUsers::of(left))
}

/// The room that has these lives, with the users in them. Nothing is derived from the evidence yet.
pub(crate) fn from_records(lives: Vec<stored::Incarnation>) -> Result<Room, StoredError> {
    ensure(!lives.is_empty(), "Room.incarnations", "are missing")?;
    let mut room = Room::default();
    for life in lives {
        let (id, life) = incarnation::from_record(life)?;
        room.restore(id, life)?;
    }
    Ok(room)
}
