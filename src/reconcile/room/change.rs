//! What clients see of a room, and the changes that they see.

use std::sync::Arc;

use crate::{
    domain::{CloseReason, IncarnationId, LeaveReason, Time, UserId},
    reconcile::Member,
};

use super::members::Members;

/// What is visible of a room at one moment. To clone it is cheap.
#[derive(Clone, Debug, Default)]
pub struct RoomView {
    /// The room.
    pub summary: RoomSummary,
    /// The members of the room.
    pub members: Members,
}

/// A room without its users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomSummary {
    /// Whether the room is open.
    pub state: RoomState,
    /// The id of the current life.
    pub incarnation: Option<IncarnationId>,
    /// The name of the room.
    pub name: Option<Arc<str>>,
    /// The user who created the room.
    pub creator: Option<UserId>,
    /// When the current life opened.
    pub opened_at: Option<Time>,
    /// When the current life closed.
    pub closed_at: Option<Time>,
    /// How many users are present, recorders and bots excluded.
    pub user_count: usize,
    /// How many of the vendor's numbered callbacks were never seen.
    pub missing_callbacks: u64,
    /// The time of the latest event.
    pub last_event_at: Option<Time>,
    /// How many users are present as the vendor reports; 0 if it does not.
    pub reported_user_count: u32,
}

/// Whether a room is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoomState {
    /// No event of the room is known, or all of them are forgotten.
    #[default]
    Unknown,
    /// The room is open.
    Open,
    /// The room is closed.
    Closed,
}

impl RoomSummary {
    /// Whether watchers are sent the difference. A change of counts or of the time of the
    /// last event alone is not sent.
    pub(super) fn differs_from(&self, other: &RoomSummary) -> bool {
        self.name != other.name
            || self.creator != other.creator
            || self.opened_at != other.opened_at
            || self.closed_at != other.closed_at
    }
}

/// One visible change of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomChange {
    /// A user became present.
    UserJoined(Member),
    /// A user is no longer present.
    UserLeft {
        /// The user as last known.
        member: Member,
        /// Why the user left.
        reason: LeaveReason,
        /// When the user left, if known.
        at: Option<Time>,
    },
    /// A user who is present has a new session or profile.
    UserUpdated(Member),
    /// A life of the room began. It has no members yet.
    RoomOpened(Arc<RoomSummary>),
    /// Fields of the room changed.
    RoomUpdated(Arc<RoomSummary>),
    /// A life of the room ended. None of its members is present any more.
    RoomClosed {
        /// The room at its end.
        room: Arc<RoomSummary>,
        /// Why the life ended.
        reason: CloseReason,
    },
}
