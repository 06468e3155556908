//! Messages and changes in which every field is set.

use std::sync::Arc;

use crate::{
    domain::{CloseReason, LeaveReason, Profile, Role, RoomId, Time},
    reconcile::user::UserChange,
    reconcile::{
        Member,
        room::{RoomChange, RoomState, RoomSummary},
    },
    roster::{EntryChanges, EstimatedSize, RecentChanges},
    stored,
};

use super::super::records;

pub(super) fn at(millis: u64) -> Option<Time> {
    Time::from_millis(millis)
}

pub(super) fn profile() -> Option<stored::Profile> {
    Some(stored::Profile {
        nickname: "Ann".into(),
        role: stored::Role::Host.into(),
        platform: "ios".into(),
        custom_data: "{}".into(),
    })
}

pub(super) fn session(id: &str) -> stored::Session {
    stored::Session {
        session_id: id.into(),
        login: Some(stored::Login {
            at: 5,
            profile: profile(),
        }),
        login_known_at: 6,
        ended: Some(stored::Ended {
            through: 4,
            at: 3,
            reason: stored::LeaveReason::Kicked.into(),
        }),
        evidence_at: 7,
    }
}

pub(super) fn life(id: &str) -> stored::Incarnation {
    let users = ["ann", "bob"].map(|user| stored::Sessions {
        user_id: user.into(),
        sessions: vec![session("1"), session("")],
    });
    let runs = [(1, 2), (4, 9)].map(|(first, last)| stored::Run { first, last });
    stored::Incarnation {
        incarnation_id: id.into(),
        opened_at: 11,
        creator: Some(stored::Creator {
            at: 12,
            user_id: "creator".into(),
        }),
        closed: id.is_empty().then(|| stored::Close {
            at: 2,
            reason: stored::CloseReason::Normal.into(),
        }),
        closed_before: 1,
        alive_at: 13,
        name: Some(stored::Name {
            at: 14,
            name: "lobby".into(),
        }),
        first_login_at: 15,
        last_logout_at: 16,
        last_event_at: 17,
        seqs: Some(stored::Seqs {
            runs: runs.into(),
            seen: 5,
        }),
        users: users.into(),
        reported: Some(stored::Claim { at: 18, users: 19 }),
        evidence_at: 20,
    }
}

pub(super) fn room() -> stored::Room {
    stored::Room {
        app: "arena".into(),
        room_id: "r".into(),
        incarnations: vec![life("9"), life("")],
        history: Some(room_history()),
    }
}

pub(super) fn user() -> stored::User {
    stored::User {
        app: "arena".into(),
        user_id: "ann".into(),
        sessions: vec![session("1"), session("2")],
        name: Some(stored::Name {
            at: 1,
            name: "Ann".into(),
        }),
        history: Some(user_history()),
    }
}

pub(super) fn member() -> Member {
    let profile = Profile {
        nickname: "Ann".into(),
        role: Role::Admin,
        ..Profile::default()
    };
    Member::new(&"ann".into(), &"7".into(), at(1), &profile)
}

pub(super) fn summary() -> Arc<RoomSummary> {
    Arc::new(RoomSummary {
        state: RoomState::Closed,
        incarnation: Some("".into()),
        name: Some("lobby".into()),
        creator: Some("".into()),
        opened_at: at(1),
        closed_at: at(2),
        user_count: 3,
        missing_callbacks: 4,
        last_event_at: at(5),
        reported_user_count: 6,
    })
}

pub(super) fn room_changes() -> Vec<RoomChange> {
    let (reason, room) = (CloseReason::Superseded, summary());
    vec![
        RoomChange::UserJoined(member()),
        RoomChange::UserLeft {
            member: member(),
            reason: LeaveReason::RoomClosed,
            at: None,
        },
        RoomChange::UserUpdated(member()),
        RoomChange::RoomOpened(Arc::default()),
        RoomChange::RoomUpdated(summary()),
        RoomChange::RoomClosed { room, reason },
    ]
}

pub(super) fn user_changes() -> Vec<UserChange> {
    let (reason, room) = (LeaveReason::TokenExpired, RoomId::from("r"));
    vec![
        UserChange::DeviceOnline(member()),
        UserChange::DeviceOffline {
            device: member(),
            reason,
            at: at(1),
        },
        UserChange::RoomEntered {
            room: room.clone(),
            login_at: None,
        },
        UserChange::RoomLeft {
            room,
            login_at: at(2),
            reason,
            at: at(3),
        },
        UserChange::Renamed("Ann".into()),
    ]
}

pub(super) fn recent<C: EstimatedSize>(changes: Vec<C>) -> RecentChanges<C> {
    let update = |revision, changes| EntryChanges::new(revision, Time::MIN, changes);
    let updates = [update(3, Some(changes)), update(5, None)];
    RecentChanges {
        floor: 2,
        revision: 9,
        entries: updates.map(Arc::new).into(),
    }
}

pub(super) fn room_history() -> stored::RoomHistory {
    let updates = recent(room_changes()).entries;
    let updates = updates.iter().map(|update| stored::RoomUpdate {
        revision: update.revision,
        at: update.at.as_millis(),
        is_oversized: update.changes.is_none(),
        changes: (update.changes.iter().flatten())
            .map(records::room_change::to_record)
            .collect(),
    });
    stored::RoomHistory {
        floor: 2,
        revision: 9,
        updates: updates.collect(),
    }
}

pub(super) fn user_history() -> stored::UserHistory {
    let updates = recent(user_changes()).entries;
    let updates = updates.iter().map(|update| stored::UserUpdate {
        revision: update.revision,
        at: update.at.as_millis(),
        is_oversized: update.changes.is_none(),
        changes: (update.changes.iter().flatten())
            .map(records::user_change::to_record)
            .collect(),
    });
    stored::UserHistory {
        floor: 2,
        revision: 9,
        updates: updates.collect(),
    }
}
