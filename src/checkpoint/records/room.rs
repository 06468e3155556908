//! Rooms: the evidence, and nothing that follows from it.

use crate::{reconcile::room::Room, stored};

use super::{
    check::{StoredError, ensure},
    incarnation,
};

/// A room's lives.
pub(crate) fn to_records(room: &Room) -> Vec<stored::Incarnation> {
    let lives = room.incarnations();
    lives
        .map(|(id, life)| incarnation::to_record(id, life))
        .collect()
}

/// The room that has these lives. Nothing is derived from the evidence yet.
pub(crate) fn from_records(lives: Vec<stored::Incarnation>) -> Result<Room, StoredError> {
    ensure(!lives.is_empty(), "Room.incarnations", "are missing")?;
    let mut room = Room::default();
    for life in lives {
        let (id, life) = incarnation::from_record(life)?;
        room.restore(id, life)?;
    }
    Ok(room)
}
