//! A user as a subject that can be watched.

use std::sync::Arc;

use crate::{
    domain::UserId,
    reconcile::{
        Footprint,
        user::{User, UserChange, UserView},
    },
    roster::{
        journal_progress::{EntryLockHeld, Paused},
        subject::{cell::Subject, entry_changes::EstimatedSize, table::Hold, watch::Watchable},
    },
};

use super::Users;

/// The estimated bytes of a message beside its texts: tags, lengths, times.
const OVERHEAD: usize = 64;

/// What a user takes who is kept for their history, without their id: a place in the table, the
/// cell, the rooms that they are in, and a place among the feeds that remember something.
///
/// During a replay all users are remembered, and there can be as many as the journal has. So what
/// a replay takes beyond what the rooms take is within `history_bytes_max` too.
const KEPT: usize = 864;

/// Marks a user as watched, until it is dropped.
#[derive(Debug)]
pub struct WatchedUser {
    users: Arc<Users>,
    id: UserId,
}

impl WatchedUser {
    /// Marks a user as watched, and holds the user. The caller holds the entry lock, so the
    /// watch delivers the end of each life of a room that ends later, and no earlier one.
    pub(crate) fn begin(
        users: &Arc<Users>,
        id: &UserId,
        held: EntryLockHeld<'_>,
    ) -> (Self, Hold<User>) {
        let hold = users.begin_watch(id, held);
        let watched = Self {
            users: Arc::clone(users),
            id: hold.id().clone(),
        };
        (watched, hold)
    }
}

impl Drop for WatchedUser {
    fn drop(&mut self) {
        self.users.end_watch(&self.id);
    }
}

impl Subject for User {
    type Id = UserId;
    type Change = UserChange;

    // A user is kept for as long as their history, so that a watch can resume after the user
    // left the last room.
    fn is_vacant(&self, has_history: bool) -> bool {
        self.is_forgotten() && !has_history
    }

    fn evidence(&self) -> Self {
        User::evidence(self)
    }

    fn kept_bytes(id: &UserId) -> usize {
        KEPT + id.as_str().len()
    }

    fn footprint(&self, _id: &UserId) -> Footprint {
        User::footprint(self)
    }
}

impl Watchable for User {
    type View = UserView;
    type Source = WatchedUser;
    type Pause<'a> = Paused<'a>;

    // Between two entries the rooms of a watched user are those that they are present in.
    fn pause(source: &WatchedUser) -> Paused<'_> {
        source.users.pause()
    }

    fn snapshot(&self, source: &WatchedUser, pause: &Paused<'_>) -> UserView {
        source.users.view_of_watched(self, pause.held())
    }
}

impl EstimatedSize for UserChange {
    fn bytes(&self) -> usize {
        OVERHEAD
            + match self {
                Self::DeviceOnline(device) | Self::DeviceOffline { device, .. } => {
                    device.session().as_str().len() + device.profile().platform.len()
                }
                Self::RoomEntered { room, .. } | Self::RoomLeft { room, .. } => room.as_str().len(),
                Self::Renamed(name) => name.len(),
            }
    }
}
