//! What is visible of a user, and how that changes.

use std::sync::Arc;

use crate::{
    domain::{LeaveReason, RoomId, Time},
    reconcile::Member,
};

/// What is visible of a user at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserView {
    /// The name that the latest login gave.
    pub name: Option<Arc<str>>,
    /// The devices that are online.
    pub devices: Vec<Member>,
    /// The rooms that the user is in, by id, and since when.
    pub rooms: Vec<(RoomId, Option<Time>)>,
}

/// One visible change of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserChange {
    /// A device is online that was not, or that logged in anew.
    DeviceOnline(Member),
    /// A device is not online any more.
    DeviceOffline {
        /// The device as last known.
        device: Member,
        /// Why.
        reason: LeaveReason,
        /// When.
        at: Option<Time>,
    },
    /// The user is in a room and was not, or logged in to it anew.
    RoomEntered {
        /// The room.
        room: RoomId,
        /// Since when.
        login_at: Option<Time>,
    },
    /// The user is not in a room any more.
    RoomLeft {
        /// The room.
        room: RoomId,
        /// Since when the user was in it.
        login_at: Option<Time>,
        /// Why the user left.
        reason: LeaveReason,
        /// When the user left.
        at: Option<Time>,
    },
    /// The user has another name.
    Renamed(Arc<str>),
}
