//! Changes of users.

use crate::{
    domain::Time,
    reconcile::user::UserChange,
    stored::{self, user_change::Kind},
};

use super::{
    check::{StoredError, millis, required},
    member::{self, left_from_record, left_to_record},
};

pub(crate) fn to_record(change: &UserChange) -> stored::UserChange {
    let kind = match change {
        UserChange::DeviceOnline(device) => Kind::DeviceOnline(member::to_record(device)),
        UserChange::DeviceOffline { device, reason, at } => {
            Kind::DeviceOffline(left_to_record(device, *reason, *at))
        }
        UserChange::RoomEntered { room, login_at } => Kind::RoomEntered(stored::RoomEntered {
            room_id: room.as_str().to_owned(),
            login_at: millis(*login_at),
        }),
        UserChange::RoomLeft {
            room,
            login_at,
            reason,
            at,
        } => Kind::RoomLeft(stored::RoomLeft {
            room_id: room.as_str().to_owned(),
            login_at: millis(*login_at),
            reason: stored::LeaveReason::from(*reason).into(),
            at: millis(*at),
        }),
        UserChange::Renamed(name) => Kind::Renamed((**name).to_owned()),
    };
    stored::UserChange { kind: Some(kind) }
}

pub(crate) fn from_record(record: stored::UserChange) -> Result<UserChange, StoredError> {
    Ok(match required(record.kind, "UserChange.kind")? {
        Kind::DeviceOnline(device) => UserChange::DeviceOnline(member::from_record(device)?),
        Kind::DeviceOffline(offline) => {
            let (device, reason, at) = left_from_record(offline)?;
            UserChange::DeviceOffline { device, reason, at }
        }
        Kind::RoomEntered(entered) => UserChange::RoomEntered {
            room: entered.room_id.as_str().into(),
            login_at: Time::from_millis(entered.login_at),
        },
        Kind::RoomLeft(left) => UserChange::RoomLeft {
            room: left.room_id.as_str().into(),
            login_at: Time::from_millis(left.login_at),
            reason: stored::LeaveReason::decode(left.reason, "RoomLeft.reason")?,
            at: Time::from_millis(left.at),
        },
        Kind::Renamed(name) => UserChange::Renamed(name.into()),
    })
}
