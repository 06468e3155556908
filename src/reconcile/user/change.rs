//! What clients see of a user, and the changes that they see.

use std::sync::Arc;

use crate::{
    domain::{LeaveReason, RoomId, Time},
    reconcile::Member,
};

use super::UserRooms;

/// What is visible of a user at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserView {
    /// The name that the latest login gave.
    pub name: Option<Arc<str>>,
    /// The devices that are online.
    pub devices: Vec<Member>,
    /// The rooms that the user is in, by id, each with the time of the login if known.
    pub rooms: UserRooms,
}

/// One visible change of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserChange {
    /// A device came online, or an online device logged in again.
    DeviceOnline(Member),
    /// A device went offline.
    DeviceOffline {
        /// The device as last known.
        device: Member,
        /// Why it went offline.
        reason: LeaveReason,
        /// When it went offline, if known.
        at: Option<Time>,
    },
    /// The user entered a room, or logged in again to a room that they are in.
    RoomEntered {
        /// The room.
        room: RoomId,
        /// When the user logged in, if known.
        login_at: Option<Time>,
    },
    /// The user left a room.
    RoomLeft {
        /// The room.
        room: RoomId,
        /// When the user had logged in, if known.
        login_at: Option<Time>,
        /// Why the user left.
        reason: LeaveReason,
        /// When the user left, if known.
        at: Option<Time>,
    },
    /// The user has a new name.
    Renamed(Arc<str>),
}
