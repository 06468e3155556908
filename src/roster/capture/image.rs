//! A roster at one revision as plain data, from which a running roster is filled.

use std::collections::HashMap;

use super::Captured;
use crate::{
    domain::{AppName, RoomId, Time, UserId},
    journal::{ChainPoint, Revision},
    reconcile::{room::Room, user::User},
    roster::chain::ChainPoints,
};

/// A roster at one revision, to be [installed](crate::roster::Applier::install).
#[derive(Debug)]
pub struct Image {
    pub(crate) revision: Revision,
    /// The time of the latest tick, if there was one.
    pub(crate) journal_time: Option<Time>,
    /// When the last entry was received.
    pub(crate) received_at: Time,
    pub(crate) chain: ChainPoints,
    pub(crate) apps: HashMap<AppName, AppImage>,
}

/// The rooms and users of one app.
#[derive(Debug, Default)]
pub(crate) struct AppImage {
    pub(crate) rooms: HashMap<RoomId, Captured<Room>>,
    pub(crate) users: HashMap<UserId, Captured<User>>,
    /// The revision from which on a watch of a room that is not in `rooms` can resume.
    pub(crate) rooms_floor: Revision,
    /// The revision from which on a watch of a user who is not in `users` can resume.
    pub(crate) users_floor: Revision,
}

impl Image {
    /// The last revision that the image contains.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The last block of the journal that the image was made of, if it had blocks.
    pub fn last_block(&self) -> Option<ChainPoint> {
        self.chain.last()
    }

    /// Forgets the blocks of the journal that the image was made of: a copy of the journal has
    /// other blocks.
    pub fn forget_chain(&mut self) {
        self.chain = ChainPoints::default();
    }

    /// The apps of which the image contains anything, in no order.
    pub fn apps(&self) -> impl ExactSizeIterator<Item = &AppName> {
        self.apps.keys()
    }
}
