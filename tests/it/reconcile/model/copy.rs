//! A watcher's copy of a room: what the changes, and nothing else, add up to.

use std::collections::{BTreeMap, BTreeSet};

use headcount::{
    domain::{CloseReason, UserId, UserIdRef},
    reconcile::{
        Member,
        room::{RoomChange, RoomState, RoomSummary},
    },
};

use super::replica::Visible;

#[derive(Clone, Debug, Default)]
pub(crate) struct Copy {
    room: RoomSummary,
    members: BTreeMap<UserId, Member>,
}

impl Copy {
    /// Takes the changes of one event or tick, and holds them to their meaning.
    #[track_caller]
    pub(crate) fn fold(&mut self, changes: &[RoomChange]) {
        let mut touched = BTreeSet::new();
        for change in changes {
            if let Some(user) = user_of(change) {
                assert!(touched.insert(user), "{user:?} changed twice: {changes:?}");
            }
            self.fold_one(change);
        }
        let ranks: Vec<_> = changes.iter().map(rank).collect();
        assert!(
            ranks.is_sorted() || ends_with_close(changes),
            "out of order: {changes:?}"
        );
    }

    #[track_caller]
    fn fold_one(&mut self, change: &RoomChange) {
        let is_open = self.room.state == RoomState::Open;
        match change {
            RoomChange::UserJoined(member) => {
                assert!(is_open, "joined a room that is not open: {member:?}");
                let held = self
                    .members
                    .insert(UserId::from(member.user()), member.clone());
                assert_eq!(held, None, "joined who was present");
            }
            RoomChange::UserLeft { member, .. } => {
                let held = self.members.remove(member.user().as_str());
                assert_eq!(held.as_ref(), Some(member), "left who was not present");
            }
            RoomChange::UserUpdated(member) => {
                let held = self
                    .members
                    .insert(UserId::from(member.user()), member.clone());
                assert!(
                    held.is_some_and(|held| held != *member),
                    "updated who was not present, or to the same: {member:?}"
                );
            }
            RoomChange::RoomOpened(room) => {
                assert!(!is_open, "opened while open: {room:?}");
                assert_eq!((room.state, room.user_count), (RoomState::Open, 0));
                self.room = RoomSummary::clone(room);
            }
            RoomChange::RoomUpdated(room) => {
                assert_eq!(room.incarnation, self.room.incarnation);
                assert_eq!(room.state, self.room.state);
                assert_ne!(told(room), told(&self.room), "updated to the same");
                self.room = RoomSummary::clone(room);
            }
            RoomChange::RoomClosed { room, reason } => {
                assert!(is_open, "closed while not open: {room:?}");
                assert_eq!((room.state, room.user_count), (RoomState::Closed, 0));
                assert_eq!(room.incarnation, self.room.incarnation);
                let (opened, closed) = (self.room.incarnation.is_some(), room.closed_at);
                assert!(opened, "closed {reason:?} at {closed:?} without a life");
                self.room = RoomSummary::clone(room);
                self.members.clear();
            }
        }
    }

    /// A room that is forgotten is told as closed; one that was closed, not at
    /// all.
    #[track_caller]
    pub(crate) fn assert_matches(&self, view: &Visible) {
        if view.summary.state == RoomState::Unknown {
            assert_ne!(self.room.state, RoomState::Open, "forgotten, not told");
            assert!(view.members.is_empty() && self.members.is_empty());
            return;
        }
        assert_eq!(self.room.state, view.summary.state);
        assert_eq!(told(&self.room), told(&view.summary));
        let present: BTreeMap<_, _> = (view.members.iter())
            .map(|member| (UserId::from(member.user()), member.clone()))
            .collect();
        assert_eq!(self.members, present);
    }
}

/// What of a room watchers are told whenever it changes.
fn told(room: &RoomSummary) -> impl PartialEq + std::fmt::Debug + '_ {
    (
        room.incarnation.as_ref(),
        room.name.as_ref(),
        room.creator.as_ref(),
        room.opened_at,
        room.closed_at,
    )
}

fn user_of(change: &RoomChange) -> Option<UserIdRef<'_>> {
    match change {
        RoomChange::UserJoined(member)
        | RoomChange::UserUpdated(member)
        | RoomChange::UserLeft { member, .. } => Some(member.user()),
        _ => None,
    }
}

/// The old life ends, the new one begins, then users.
fn rank(change: &RoomChange) -> u8 {
    match change {
        RoomChange::RoomClosed { .. } => 0,
        RoomChange::RoomOpened(_) | RoomChange::RoomUpdated(_) => 1,
        _ => 2,
    }
}

/// A life may be first heard of when it is over: it opens and closes at once.
fn ends_with_close(changes: &[RoomChange]) -> bool {
    let [
        before @ ..,
        RoomChange::RoomOpened(_),
        RoomChange::RoomClosed { reason, .. },
    ] = changes
    else {
        return false;
    };
    *reason != CloseReason::Superseded && before.iter().all(|change| rank(change) == 0)
}
