//! A copy of a room, folded from the steps of a [`Watch`]: what a client does
//! with messages, one layer down.

use std::collections::BTreeMap;

use headcount::{
    domain::UserId,
    journal::Revision,
    reconcile::{
        Member, digest_of,
        room::{Room, RoomChange, RoomState, RoomSummary, RoomView},
    },
    roster::{SnapshotReason, Watch, WatchEvent},
};

/// A copy that checks what it is told against the contract of watches.
#[derive(Debug, Default)]
pub(crate) struct Copy {
    room: RoomSummary,
    users: BTreeMap<UserId, Member>,
    pub(crate) revision: Revision,
}

/// What a step was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Folded {
    Snapshot(SnapshotReason),
    /// With the revisions of the updates.
    Updates(Vec<Revision>),
    Progress,
}

impl Copy {
    /// Folds in all that there is now, and returns what it was.
    #[track_caller]
    pub(crate) fn catch_up(&mut self, watch: &mut Watch<Room>) -> Vec<Folded> {
        std::iter::from_fn(|| watch.try_next().map(|step| self.fold(step))).collect()
    }

    #[track_caller]
    pub(crate) fn fold(&mut self, step: WatchEvent<Room>) -> Folded {
        match step {
            WatchEvent::Snapshot {
                revision,
                view,
                reason,
            } => {
                assert!(revision >= self.revision, "a snapshot from the past");
                self.revision = revision;
                let members = view.members.iter().cloned();
                self.users = members.map(|m| (UserId::from(m.user()), m)).collect();
                self.room = view.summary;
                Folded::Snapshot(reason)
            }
            WatchEvent::Changes(updates) => {
                assert!(!updates.is_empty(), "a step of nothing");
                for update in updates.iter() {
                    assert!(update.revision > self.revision, "seen twice");
                    self.revision = update.revision;
                    let changes = update.changes.as_ref().expect("an update in full");
                    changes.iter().for_each(|change| self.change(change));
                }
                Folded::Updates(updates.iter().map(|update| update.revision).collect())
            }
            WatchEvent::Progress { revision, view } => {
                assert!(revision >= self.revision, "progress went back");
                self.revision = revision;
                self.assert_equals(&view);
                Folded::Progress
            }
        }
    }

    #[track_caller]
    fn change(&mut self, change: &RoomChange) {
        match change {
            RoomChange::UserJoined(member) => {
                let before = self.users.insert(member.user().into(), member.clone());
                assert!(before.is_none(), "joined twice: {member:?}");
            }
            RoomChange::UserUpdated(member) => {
                let before = self.users.insert(member.user().into(), member.clone());
                assert!(before.is_some(), "updated, but not there: {member:?}");
            }
            RoomChange::UserLeft { member, .. } => {
                let before = self.users.remove(member.user().as_str());
                assert_eq!(before.as_ref(), Some(member), "left, but not there");
            }
            RoomChange::RoomOpened(room) => {
                assert!(self.users.is_empty(), "opened with users in it");
                assert_ne!(self.room.state, RoomState::Open, "opened, but open");
                self.room = RoomSummary::clone(room);
            }
            RoomChange::RoomUpdated(room) => self.room = RoomSummary::clone(room),
            RoomChange::RoomClosed { room, .. } => {
                self.room = RoomSummary::clone(room);
                self.users.clear();
            }
        }
    }

    /// Asserts that the copy is the room.
    #[track_caller]
    pub(crate) fn assert_equals(&self, view: &RoomView) {
        let members = view.members.iter().cloned();
        let users: BTreeMap<_, _> = members.map(|m| (UserId::from(m.user()), m)).collect();
        assert_eq!(self.users, users, "users");
        let digests = self
            .users
            .values()
            .map(|m| digest_of(m.user().as_str(), m.session().as_str()));
        let digest = digests.fold(0, u64::wrapping_add);
        assert_eq!(digest, view.members.digest(), "digest");
        if view.summary.state == RoomState::Unknown {
            // Of a closed room that is forgotten, no change is sent.
            assert_ne!(self.room.state, RoomState::Open, "state");
        } else {
            assert_eq!(fields(&self.room), fields(&view.summary), "room");
        }
    }

    pub(crate) fn state(&self) -> RoomState {
        self.room.state
    }

    pub(crate) fn users(&self) -> Vec<&str> {
        self.users.keys().map(UserId::as_str).collect()
    }
}

/// All of a room that its changes tell.
fn fields(room: &RoomSummary) -> RoomSummary {
    RoomSummary {
        user_count: 0,
        missing_callbacks: 0,
        last_event_at: None,
        reported_user_count: 0,
        ..room.clone()
    }
}
