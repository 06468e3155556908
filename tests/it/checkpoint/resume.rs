//! Watchers that resume after a restart, from every revision.

use std::sync::Arc;

use headcount::{
    journal::Revision,
    reconcile::room::RoomView,
    reconcile::user::UserView,
    roster::{Roster, SnapshotReason, Start, WatchEvent},
};

use super::journal::{ROOMS, USERS};
use super::replica::{Checkpoint, Replica};
use super::wire;
use crate::common::in_process::follow::fold;
use crate::common::in_process::{APP, Copy, Folded};

/// All rooms and users at each revision from 0 on.
#[derive(Debug, Default)]
pub(crate) struct Pasts {
    rooms: Vec<Vec<RoomView>>,
    users: Vec<Vec<UserView>>,
}

impl Pasts {
    /// Notes the next revision.
    pub(crate) fn note(&mut self, replica: &Replica) {
        assert_eq!(replica.roster.applied(), self.rooms.len() as Revision);
        self.rooms.push(ROOMS.map(|room| replica.room(room)).into());
        self.users.push(USERS.map(|user| replica.user(user)).into());
    }
}

/// Resumes `second`, which is made of a checkpoint, from every revision, and holds
/// what comes of it to what `first` does and is.
#[track_caller]
pub(crate) fn assert_resumes(
    second: &Replica,
    first: &Replica,
    pasts: &Pasts,
    checkpoint: &Checkpoint,
) {
    let written = wire::users(&checkpoint.records);
    for (revision, rooms) in (0..).zip(&pasts.rooms) {
        for (room, view) in ROOMS.iter().zip(rooms) {
            let here = resume_room(&second.roster, room, revision, view);
            let there = resume_room(&first.roster, room, revision, view);
            assert_eq!(here, there, "{room} from {revision}");
        }
    }
    for (revision, users) in (0..).zip(&pasts.users) {
        for (user, view) in USERS.iter().zip(users) {
            let here = resume_user(&second.roster, user, revision, view);
            let there = resume_user(&first.roster, user, revision, view);
            // The checkpoint does not say from where on the others can be.
            let is_told = written.contains(*user) || revision >= checkpoint.revision;
            assert!(here == there || !is_told, "{user} from {revision}");
            assert!(there || !here, "{user} from {revision}");
        }
    }
}

/// Resumes from every revision, whether it is honoured or not: no copy may be wrong in the end.
#[track_caller]
pub(crate) fn assert_no_gap(second: &Replica, pasts: &Pasts) {
    for (revision, rooms) in (0..).zip(&pasts.rooms) {
        for (room, view) in ROOMS.iter().zip(rooms) {
            resume_room(&second.roster, room, revision, view);
        }
    }
    for (revision, users) in (0..).zip(&pasts.users) {
        for (user, view) in USERS.iter().zip(users) {
            resume_user(&second.roster, user, revision, view);
        }
    }
}

/// Resumes a copy that is as the room was. Returns whether that was honoured: then
/// the copy must be right in the end.
#[track_caller]
fn resume_room(roster: &Arc<Roster>, room: &str, revision: Revision, view: &RoomView) -> bool {
    let (app, id) = (APP.into(), room.into());
    let mut watch = roster
        .watch_room(&app, &id, Start::After(revision))
        .unwrap();
    let mut copy = Copy::default();
    copy.fold(WatchEvent::Snapshot {
        revision,
        view: view.clone(),
        reason: SnapshotReason::Initial,
    });
    let steps = copy.catch_up(&mut watch);
    copy.assert_equals(&roster.room(&app, &id).view);
    let expired = Folded::Snapshot(SnapshotReason::ResumeExpired);
    !steps.contains(&expired)
}

/// The same for a user.
#[track_caller]
fn resume_user(roster: &Arc<Roster>, user: &str, revision: Revision, view: &UserView) -> bool {
    let (app, id) = (APP.into(), user.into());
    let mut watch = roster
        .watch_user(&app, &id, Start::After(revision))
        .unwrap();
    let (mut copy, mut is_honoured) = (view.clone(), true);
    while let Some(step) = watch.try_next() {
        match step {
            WatchEvent::Snapshot { view, reason, .. } => {
                copy = view;
                is_honoured &= reason != SnapshotReason::ResumeExpired;
            }
            WatchEvent::Changes(updates) => {
                let changes = updates
                    .iter()
                    .flat_map(|update| update.changes.iter().flatten());
                changes.for_each(|change| fold(&mut copy, change));
            }
            WatchEvent::Progress { .. } => {}
        }
    }
    let now = roster.user(&app, &id).1;
    if now.name.is_none() {
        // No change is sent when a user is forgotten.
        copy.name = None;
    }
    assert_eq!(copy, now, "{user} from {revision}");
    is_honoured
}
