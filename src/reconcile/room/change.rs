//! What is visible of a room, and how that changes.

use std::sync::Arc;

use crate::{
    domain::{CloseReason, IncarnationId, LeaveReason, Time, UserId},
    reconcile::Member,
};

use super::members::Members;

/// What is visible of a room at one moment. A clone is cheap.
#[derive(Clone, Debug, Default)]
pub struct RoomView {
    /// The room.
    pub summary: RoomSummary,
    /// Its users.
    pub members: Members,
}

/// A room without its users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomSummary {
    /// Whether it is open.
    pub state: RoomState,
    /// Which of its lives this is.
    pub incarnation: Option<IncarnationId>,
    /// What it is called.
    pub name: Option<Arc<str>>,
    /// Who created it.
    pub creator: Option<UserId>,
    /// When it opened.
    pub opened_at: Option<Time>,
    /// When it closed.
    pub closed_at: Option<Time>,
    /// How many people are in it.
    pub user_count: usize,
    /// How many of the vendor's numbered callbacks were never seen.
    pub missing_callbacks: u64,
    /// The latest event.
    pub last_event_at: Option<Time>,
    /// How many people the vendor claims are in it.
    pub reported_user_count: u32,
}

/// Whether a room is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoomState {
    /// No event of it is known, or all are forgotten.
    #[default]
    Unknown,
    /// Open.
    Open,
    /// Closed.
    Closed,
}

impl RoomSummary {
    /// Whether a watcher is to be told of the difference. Watchers are not told of counts
    /// and of the time of the last event alone.
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
    /// A user is present who was not.
    UserJoined(Member),
    /// A user who was present is not.
    UserLeft {
        /// The user as last known.
        member: Member,
        /// Why.
        reason: LeaveReason,
        /// When.
        at: Option<Time>,
    },
    /// A user who is present has a new session or profile.
    UserUpdated(Member),
    /// A life of the room began, with nobody in it yet.
    RoomOpened(Arc<RoomSummary>),
    /// Fields of the room changed.
    RoomUpdated(Arc<RoomSummary>),
    /// A life of the room ended, and with it everybody's presence.
    RoomClosed {
        /// The room as it ended.
        room: Arc<RoomSummary>,
        /// Why.
        reason: CloseReason,
    },
}
