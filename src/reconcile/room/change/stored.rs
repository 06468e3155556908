//! Changes of rooms as data folders hold them.

use std::sync::Arc;

use crate::{
    domain::Time,
    reconcile::{
        Member,
        room::{RoomChange, RoomSummary},
    },
    stored::{self, StoredError, millis, required, room_change::Kind},
};

impl RoomChange {
    pub(crate) fn to_stored(&self) -> stored::RoomChange {
        let kind = match self {
            Self::UserJoined(member) => Kind::UserJoined(member.to_stored()),
            Self::UserLeft { member, reason, at } => {
                Kind::UserLeft(stored::MemberLeft::of(member, *reason, *at))
            }
            Self::UserUpdated(member) => Kind::UserUpdated(member.to_stored()),
            Self::RoomOpened(room) => Kind::RoomOpened(room.to_stored()),
            Self::RoomUpdated(room) => Kind::RoomUpdated(room.to_stored()),
            Self::RoomClosed { room, reason } => Kind::RoomClosed(stored::RoomClosed {
                room: Some(room.to_stored()),
                reason: stored::CloseReason::from(*reason).into(),
            }),
        };
        stored::RoomChange { kind: Some(kind) }
    }

    pub(crate) fn from_stored(stored: stored::RoomChange) -> Result<Self, StoredError> {
        let member = Member::from_stored;
        let room = |room| RoomSummary::from_stored(room).map(Arc::new);
        Ok(match required(stored.kind, "RoomChange.kind")? {
            Kind::UserJoined(joined) => Self::UserJoined(member(joined)?),
            Kind::UserLeft(left) => {
                let (member, reason, at) = left.into_parts()?;
                Self::UserLeft { member, reason, at }
            }
            Kind::UserUpdated(updated) => Self::UserUpdated(member(updated)?),
            Kind::RoomOpened(opened) => Self::RoomOpened(room(opened)?),
            Kind::RoomUpdated(updated) => Self::RoomUpdated(room(updated)?),
            Kind::RoomClosed(closed) => Self::RoomClosed {
                room: room(required(closed.room, "RoomClosed.room")?)?,
                reason: stored::CloseReason::decode(closed.reason, "RoomClosed.reason")?,
            },
        })
    }
}

impl RoomSummary {
    fn to_stored(&self) -> stored::Summary {
        let incarnation = self.incarnation.as_ref();
        stored::Summary {
            state: stored::RoomState::from(self.state).into(),
            incarnation_id: incarnation.map(|id| id.as_str().to_owned()),
            name: self.name.as_deref().map(str::to_owned),
            creator_id: self.creator.as_ref().map(|id| id.as_str().to_owned()),
            opened_at: millis(self.opened_at),
            closed_at: millis(self.closed_at),
            user_count: self.user_count as u64,
            missing_callbacks: self.missing_callbacks,
            last_event_at: millis(self.last_event_at),
            reported_user_count: self.reported_user_count,
        }
    }

    fn from_stored(stored: stored::Summary) -> Result<Self, StoredError> {
        let user_count = usize::try_from(stored.user_count)
            .map_err(|_| StoredError::new("Summary.user_count", "is too large"))?;
        Ok(Self {
            state: stored::RoomState::decode(stored.state, "Summary.state")?,
            incarnation: stored.incarnation_id.map(|id| id.as_str().into()),
            name: stored.name.map(Into::into),
            creator: stored.creator_id.map(|id| id.as_str().into()),
            opened_at: Time::from_millis(stored.opened_at),
            closed_at: Time::from_millis(stored.closed_at),
            user_count,
            missing_callbacks: stored.missing_callbacks,
            last_event_at: Time::from_millis(stored.last_event_at),
            reported_user_count: stored.reported_user_count,
        })
    }
}
