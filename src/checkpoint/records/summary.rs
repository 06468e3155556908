//! What was visible of a room, without its users.

use crate::{domain::Time, reconcile::room::RoomSummary, stored};

use super::check::{StoredError, millis};

pub(super) fn to_record(room: &RoomSummary) -> stored::Summary {
    let incarnation = room.incarnation.as_ref();
    stored::Summary {
        state: stored::RoomState::from(room.state).into(),
        incarnation_id: incarnation.map(|id| id.as_str().to_owned()),
        name: room.name.as_deref().map(str::to_owned),
        creator_id: room.creator.as_ref().map(|id| id.as_str().to_owned()),
        opened_at: millis(room.opened_at),
        closed_at: millis(room.closed_at),
        user_count: room.user_count as u64,
        missing_callbacks: room.missing_callbacks,
        last_event_at: millis(room.last_event_at),
        reported_user_count: room.reported_user_count,
    }
}

pub(super) fn from_record(record: stored::Summary) -> Result<RoomSummary, StoredError> {
    let user_count = usize::try_from(record.user_count)
        .map_err(|_| StoredError::new("Summary.user_count", "is too large"))?;
    Ok(RoomSummary {
        state: stored::RoomState::decode(record.state, "Summary.state")?,
        incarnation: record.incarnation_id.map(|id| id.as_str().into()),
        name: record.name.map(Into::into),
        creator: record.creator_id.map(|id| id.as_str().into()),
        opened_at: Time::from_millis(record.opened_at),
        closed_at: Time::from_millis(record.closed_at),
        user_count,
        missing_callbacks: record.missing_callbacks,
        last_event_at: Time::from_millis(record.last_event_at),
        reported_user_count: record.reported_user_count,
    })
}
