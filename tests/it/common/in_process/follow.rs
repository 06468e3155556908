//! A watched user, and a copy that is folded from what the watcher is told.

use std::sync::Arc;

use headcount::{
    domain::{AppName, UserId},
    journal::Revision,
    reconcile::user::{User, UserChange, UserView},
    roster::{SnapshotReason, Start, Watch, WatchEvent},
};

use super::{APP, World};

/// A watcher with its copy of the user, which must be right at every step.
#[derive(Debug)]
pub(crate) struct Follower {
    watch: Watch<User>,
    pub(crate) copy: UserView,
    pub(crate) revision: Revision,
}

pub(crate) fn user(world: &World, id: &str) -> UserView {
    world.roster.user(&AppName::from(APP), &UserId::from(id)).1
}

pub(crate) fn rooms(view: &UserView) -> Vec<&str> {
    view.rooms.iter().map(|(room, _)| room.as_str()).collect()
}

pub(crate) fn devices(view: &UserView) -> Vec<&str> {
    view.devices
        .iter()
        .map(|device| device.session().as_str())
        .collect()
}

impl Follower {
    pub(crate) fn new(world: &World, id: &str, start: Start) -> Self {
        Self {
            watch: world.watch_user(id, start),
            copy: UserView::default(),
            revision: 0,
        }
    }

    pub(crate) fn initial(world: &World, id: &str) -> Self {
        Self::new(world, id, Start::Snapshot(SnapshotReason::Initial))
    }

    /// Goes on from where this copy is, with another watch.
    pub(crate) fn resume(self, world: &World, id: &str) -> Self {
        let Self { copy, revision, .. } = self;
        Self {
            copy,
            revision,
            ..Self::new(world, id, Start::After(revision))
        }
    }

    /// Takes all steps that there are now; returns the changes.
    pub(crate) fn catch_up(&mut self) -> Vec<UserChange> {
        let mut seen = Vec::new();
        while let Some(step) = self.watch.try_next() {
            match step {
                WatchEvent::Snapshot { view, revision, .. } => {
                    (self.copy, self.revision) = (view, revision);
                }
                WatchEvent::Changes(updates) => {
                    for update in updates.iter() {
                        assert!(update.revision > self.revision, "revisions rise");
                        self.revision = update.revision;
                        for change in update.changes.iter().flatten() {
                            fold(&mut self.copy, change);
                            seen.push(change.clone());
                        }
                    }
                }
                WatchEvent::Progress { revision, view } => {
                    self.revision = revision;
                    assert_eq!(self.copy, view);
                }
            }
        }
        seen
    }
}

/// Folds one change into a copy of the user.
pub(crate) fn fold(copy: &mut UserView, change: &UserChange) {
    let UserView {
        name,
        devices,
        rooms,
    } = copy;
    match change {
        UserChange::DeviceOnline(device) => {
            devices.retain(|other| other.session() != device.session());
            devices.push(device.clone());
            devices.sort_by(|a, b| (a.login_at(), a.session()).cmp(&(b.login_at(), b.session())));
        }
        UserChange::DeviceOffline { device, .. } => {
            devices.retain(|other| other.session() != device.session());
        }
        UserChange::RoomEntered { room, login_at } => {
            rooms.insert(room.clone(), *login_at);
        }
        UserChange::RoomLeft { room, .. } => {
            rooms.remove(room);
        }
        UserChange::Renamed(new) => *name = Some(Arc::clone(new)),
    }
}
