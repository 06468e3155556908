//! A user as something that can be watched.

use std::sync::Arc;

use crate::{
    domain::UserId,
    reconcile::user::{User, UserChange, UserView},
    roster::{
        journal_progress::{EntryLockHeld, Paused},
        subject::{cell::Subject, entry_changes::Weigh, table::Hold, watch::Watched},
    },
};

use super::Users;

/// What a message takes beyond its texts: tags, lengths, times.
const OVERHEAD: usize = 64;

/// A user counts as watched while this is kept.
#[derive(Debug)]
pub struct WatchedUser {
    users: Arc<Users>,
    id: UserId,
}

impl WatchedUser {
    /// Begins a watch. No entry comes in between: a life of a room that ends later is
    /// told to the watch, and one that ended before is not.
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

    // With its history: a user that leaves the last room can still be resumed.
    fn is_vacant(&self, has_history: bool) -> bool {
        self.is_forgotten() && !has_history
    }

    fn evidence(&self) -> Self {
        User::evidence(self)
    }
}

impl Watched for User {
    type View = UserView;
    type Source = WatchedUser;
    type Pause<'a> = Paused<'a>;

    // The rooms of a user are looked up: none of them may change meanwhile.
    fn pause(source: &WatchedUser) -> Paused<'_> {
        source.users.pause()
    }

    fn snapshot(&self, source: &WatchedUser, pause: &Paused<'_>) -> UserView {
        let WatchedUser { users, id } = source;
        users.view(self, id.borrowed(), pause.held())
    }
}

impl Weigh for UserChange {
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
