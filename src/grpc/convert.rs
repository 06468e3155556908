//! From domain types to the wire's. No logic: only names.

use prost_types::Timestamp;

use crate::{
    domain::{AppName, CloseReason, LeaveReason, Role, RoomId, Time, UserId},
    pb,
    reconcile::{
        Member,
        room::{RoomChange, RoomState, RoomSummary},
    },
    roster::SnapshotReason,
};

/// The last millisecond of the year 9999, the latest that a
/// `google.protobuf.Timestamp` may hold.
const TIMESTAMP_MILLIS_MAX: u64 = 253_402_300_799_999;

/// Which room: what the domain knows from context and the wire repeats.
#[derive(Clone, Debug)]
pub(super) struct RoomRef {
    pub(super) app: AppName,
    pub(super) room: RoomId,
}

impl RoomRef {
    pub(super) fn to_room(&self, room: &RoomSummary) -> pb::Room {
        let text = |id: Option<&str>| id.unwrap_or_default().to_owned();
        pb::Room {
            app: self.app.as_str().to_owned(),
            room_id: self.room.as_str().to_owned(),
            state: to_state(room.state).into(),
            session_id: text(room.incarnation.as_ref().map(|id| id.as_str())),
            name: text(room.name.as_deref()),
            creator_id: text(room.creator.as_ref().map(UserId::as_str)),
            open_time: room.opened_at.map(to_timestamp),
            close_time: room.closed_at.map(to_timestamp),
            user_count: to_count(room.user_count),
            missing_callbacks: u32::try_from(room.missing_callbacks).unwrap_or(u32::MAX),
            last_event_time: room.last_event_at.map(to_timestamp),
            reported_user_count: room.reported_user_count,
        }
    }

    pub(super) fn to_change(&self, change: &RoomChange) -> pb::RoomChange {
        use pb::room_change::Change;
        let change = match change {
            RoomChange::UserJoined(member) => Change::UserJoined(pb::UserJoined {
                user: Some(to_user(member)),
            }),
            RoomChange::UserLeft { member, reason, at } => Change::UserLeft(pb::UserLeft {
                user: Some(to_user(member)),
                reason: to_leave_reason(*reason).into(),
                leave_time: at.map(to_timestamp),
            }),
            RoomChange::UserUpdated(member) => Change::UserUpdated(pb::UserUpdated {
                user: Some(to_user(member)),
            }),
            RoomChange::RoomOpened(room) => Change::RoomOpened(pb::RoomOpened {
                room: Some(self.to_room(room)),
            }),
            RoomChange::RoomUpdated(room) => Change::RoomUpdated(pb::RoomUpdated {
                room: Some(self.to_room(room)),
            }),
            RoomChange::RoomClosed { room, reason } => Change::RoomClosed(pb::RoomClosed {
                room: Some(self.to_room(room)),
                reason: to_close_reason(*reason).into(),
            }),
        };
        pb::RoomChange {
            change: Some(change),
        }
    }
}

pub(super) fn to_user(member: &Member) -> pb::RoomUser {
    let mut user = pb::RoomUser::default();
    write_user(member, &mut user);
    user
}

/// Overwrites a message, whose texts have room already if it is used for many.
pub(super) fn write_user(member: &Member, user: &mut pb::RoomUser) {
    let pb::RoomUser {
        user_id,
        nickname,
        role,
        session_id,
        login_time,
        platform,
        custom_data,
    } = user;
    let profile = member.profile();
    member.user().as_str().clone_into(user_id);
    profile.nickname.clone_into(nickname);
    *role = to_role(profile.role).into();
    member.session().as_str().clone_into(session_id);
    *login_time = member.login_at().map(to_timestamp);
    profile.platform.clone_into(platform);
    profile.custom_data.clone_into(custom_data);
}

pub(super) fn to_count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

pub(super) fn to_snapshot_reason(reason: SnapshotReason) -> pb::SnapshotReason {
    match reason {
        SnapshotReason::Initial => pb::SnapshotReason::Initial,
        SnapshotReason::ResumeExpired => pb::SnapshotReason::ResumeExpired,
        SnapshotReason::Lagged => pb::SnapshotReason::Lagged,
        SnapshotReason::EpochChanged => pb::SnapshotReason::EpochChanged,
        SnapshotReason::Replaced => pb::SnapshotReason::Replaced,
    }
}

pub(super) fn to_timestamp(time: Time) -> Timestamp {
    let millis = time.as_millis().min(TIMESTAMP_MILLIS_MAX);
    Timestamp {
        seconds: (millis / 1000).cast_signed(),
        nanos: (millis % 1000) as i32 * 1_000_000,
    }
}

fn to_state(state: RoomState) -> pb::RoomState {
    match state {
        RoomState::Unknown => pb::RoomState::Unknown,
        RoomState::Open => pb::RoomState::Open,
        RoomState::Closed => pb::RoomState::Closed,
    }
}

fn to_role(role: Role) -> pb::UserRole {
    match role {
        Role::Unspecified => pb::UserRole::Unspecified,
        Role::Host => pb::UserRole::Host,
        Role::Audience => pb::UserRole::Audience,
        Role::Admin => pb::UserRole::Admin,
    }
}

pub(super) fn to_leave_reason(reason: LeaveReason) -> pb::LeaveReason {
    match reason {
        LeaveReason::Logout => pb::LeaveReason::Logout,
        LeaveReason::Timeout => pb::LeaveReason::Timeout,
        LeaveReason::Kicked => pb::LeaveReason::Kicked,
        LeaveReason::TokenExpired => pb::LeaveReason::TokenExpired,
        LeaveReason::Unknown => pb::LeaveReason::Unknown,
        LeaveReason::Superseded => pb::LeaveReason::Superseded,
        LeaveReason::RoomClosed => pb::LeaveReason::RoomClosed,
    }
}

fn to_close_reason(reason: CloseReason) -> pb::CloseReason {
    match reason {
        CloseReason::Normal => pb::CloseReason::Normal,
        CloseReason::LastUserTimeout => pb::CloseReason::LastUserTimeout,
        CloseReason::LastUserDropped => pb::CloseReason::LastUserDropped,
        CloseReason::LastUserKicked => pb::CloseReason::LastUserKicked,
        CloseReason::Superseded => pb::CloseReason::Superseded,
        CloseReason::Unknown => pb::CloseReason::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_beyond_what_a_timestamp_may_hold_is_its_last() {
        let last = Time::from_millis(u64::MAX).map(to_timestamp);
        assert_eq!(
            last.map(|t| t.to_string()).as_deref(),
            Some("9999-12-31T23:59:59.999Z")
        );
    }
}
