//! A roster that is not running: what was captured of one, to be installed in another.

use std::collections::HashMap;

use super::Captured;
use crate::{
    domain::{AppName, RoomId, Time, UserId},
    journal::Revision,
    reconcile::{room::Room, user::User},
};

/// A roster at one revision, to be [installed](crate::roster::Applier::install).
#[derive(Debug)]
pub struct Image {
    pub(crate) revision: Revision,
    pub(crate) journal_time: Time,
    pub(crate) apps: HashMap<AppName, AppImage>,
}

/// What there is of one app.
#[derive(Debug, Default)]
pub(crate) struct AppImage {
    pub(crate) rooms: HashMap<RoomId, Captured<Room>>,
    pub(crate) users: HashMap<UserId, Captured<User>>,
    /// From where on rooms can be followed that are not among these.
    pub(crate) rooms_floor: Revision,
    /// From where on users can be followed who are not among these.
    pub(crate) users_floor: Revision,
}

impl Image {
    /// The last revision whose entry is in it.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The apps that anything is in it of, in no order.
    pub fn apps(&self) -> impl ExactSizeIterator<Item = &AppName> {
        self.apps.keys()
    }
}
