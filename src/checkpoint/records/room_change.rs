//! Changes of rooms.

use std::sync::Arc;

use crate::{
    reconcile::room::RoomChange,
    stored::{self, room_change::Kind},
};

use super::{
    check::{StoredError, required},
    member::{self, left_from_record, left_to_record},
    summary,
};

pub(crate) fn to_record(change: &RoomChange) -> stored::RoomChange {
    let kind = match change {
        RoomChange::UserJoined(member) => Kind::UserJoined(member::to_record(member)),
        RoomChange::UserLeft { member, reason, at } => {
            Kind::UserLeft(left_to_record(member, *reason, *at))
        }
        RoomChange::UserUpdated(member) => Kind::UserUpdated(member::to_record(member)),
        RoomChange::RoomOpened(room) => Kind::RoomOpened(summary::to_record(room)),
        RoomChange::RoomUpdated(room) => Kind::RoomUpdated(summary::to_record(room)),
        RoomChange::RoomClosed { room, reason } => Kind::RoomClosed(stored::RoomClosed {
            room: Some(summary::to_record(room)),
            reason: stored::CloseReason::from(*reason).into(),
        }),
    };
    stored::RoomChange { kind: Some(kind) }
}

pub(crate) fn from_record(record: stored::RoomChange) -> Result<RoomChange, StoredError> {
    let member = member::from_record;
    let room = |room| summary::from_record(room).map(Arc::new);
    Ok(match required(record.kind, "RoomChange.kind")? {
        Kind::UserJoined(joined) => RoomChange::UserJoined(member(joined)?),
        Kind::UserLeft(left) => {
            let (member, reason, at) = left_from_record(left)?;
            RoomChange::UserLeft { member, reason, at }
        }
        Kind::UserUpdated(updated) => RoomChange::UserUpdated(member(updated)?),
        Kind::RoomOpened(opened) => RoomChange::RoomOpened(room(opened)?),
        Kind::RoomUpdated(updated) => RoomChange::RoomUpdated(room(updated)?),
        Kind::RoomClosed(closed) => RoomChange::RoomClosed {
            room: room(required(closed.room, "RoomClosed.room")?)?,
            reason: stored::CloseReason::decode(closed.reason, "RoomClosed.reason")?,
        },
    })
}
