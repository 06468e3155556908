//! Changes of users as data folders hold them.

use crate::{
    domain::Time,
    reconcile::Member,
    reconcile::user::UserChange,
    stored::{self, StoredError, millis, required, user_change::Kind},
};

impl UserChange {
    pub(crate) fn to_stored(&self) -> stored::UserChange {
        let kind = match self {
            Self::DeviceOnline(device) => Kind::DeviceOnline(device.to_stored()),
            Self::DeviceOffline { device, reason, at } => {
                Kind::DeviceOffline(stored::MemberLeft::of(device, *reason, *at))
            }
            Self::RoomEntered { room, login_at } => Kind::RoomEntered(stored::RoomEntered {
                room_id: room.as_str().to_owned(),
                login_at: millis(*login_at),
            }),
            Self::RoomLeft {
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
            Self::Renamed(name) => Kind::Renamed((**name).to_owned()),
        };
        stored::UserChange { kind: Some(kind) }
    }

    pub(crate) fn from_stored(stored: stored::UserChange) -> Result<Self, StoredError> {
        Ok(match required(stored.kind, "UserChange.kind")? {
            Kind::DeviceOnline(device) => Self::DeviceOnline(Member::from_stored(device)?),
            Kind::DeviceOffline(offline) => {
                let (device, reason, at) = offline.into_parts()?;
                Self::DeviceOffline { device, reason, at }
            }
            Kind::RoomEntered(entered) => Self::RoomEntered {
                room: entered.room_id.as_str().into(),
                login_at: Time::from_millis(entered.login_at),
            },
            Kind::RoomLeft(left) => Self::RoomLeft {
                room: left.room_id.as_str().into(),
                login_at: Time::from_millis(left.login_at),
                reason: stored::LeaveReason::decode(left.reason, "RoomLeft.reason")?,
                at: Time::from_millis(left.at),
            },
            Kind::Renamed(name) => Self::Renamed(name.into()),
        })
    }
}
