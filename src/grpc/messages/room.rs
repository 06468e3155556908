//! Converts rooms to messages.

use bytes::BytesMut;

use super::{
    convert::{to_count, to_leave_reason, to_snapshot_reason, to_timestamp},
    outgoing::put_message,
    page::{PART_BYTES_MAX, fill_page},
    wire_subject::WireSubject,
};
use crate::{
    domain::{AppName, CloseReason, LeaveReason, Role, RoomId, UserId},
    journal::Revision,
    pb::{self, watch_room_response::Update},
    reconcile::{
        Member,
        room::{MemberKey, Room, RoomChange, RoomState, RoomSummary, RoomView},
    },
    roster::SnapshotReason,
};

/// The tag of the field of `Changes` that lists the changes.
const CHANGE_TAG: u32 = 1;

/// The app and the id of a room, which messages contain.
#[derive(Clone, Debug)]
pub(in crate::grpc) struct RoomRef {
    pub(in crate::grpc) app: AppName,
    pub(in crate::grpc) room: RoomId,
}

impl RoomRef {
    pub(in crate::grpc) fn to_room(&self, room: &RoomSummary) -> pb::Room {
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

    pub(in crate::grpc) fn to_change(&self, change: &RoomChange) -> pb::RoomChange {
        use pb::room_change::Change;
        let change = match change {
            RoomChange::UserJoined(member) => Change::UserJoined(pb::UserJoined {
                user: Some(to_user(member)),
            }),
            RoomChange::UserLeft { member, reason, at } => Change::UserLeft(pb::UserLeft {
                user: Some(to_user(member)),
                reason: to_room_leave_reason(*reason).into(),
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

impl WireSubject for Room {
    type Ref = RoomRef;
    type Cursor = MemberKey;
    type Update = Update;
    type Message = pb::WatchRoomResponse;

    fn app(subject: &RoomRef) -> &AppName {
        &subject.app
    }

    fn snapshot_part(
        subject: &RoomRef,
        view: &RoomView,
        reason: SnapshotReason,
        after: Option<MemberKey>,
    ) -> (Update, Option<MemberKey>) {
        let members = view.members.after(after.as_ref());
        let page = fill_page(members, usize::MAX, PART_BYTES_MAX, |member| {
            to_user(member)
        });
        let after = page.continue_after.map(MemberKey::from);
        let snapshot = Update::Snapshot(pb::Snapshot {
            room: Some(subject.to_room(&view.summary)),
            users: page.messages,
            reason: to_snapshot_reason(reason).into(),
            complete: after.is_none(),
        });
        (snapshot, after)
    }

    fn encode_changes(subject: &RoomRef, changes: &[RoomChange], out: &mut BytesMut) {
        for change in changes {
            put_message(CHANGE_TAG, &subject.to_change(change), out);
        }
    }

    fn progress(_: &RoomRef, view: &RoomView) -> Update {
        Update::Progress(pb::Progress {
            user_count: to_count(view.summary.user_count),
            digest: view.members.digest(),
        })
    }

    fn message(revision: Revision, resume_token: String, update: Option<Update>) -> Self::Message {
        pb::WatchRoomResponse {
            revision,
            resume_token,
            update,
        }
    }
}

fn to_user(member: &Member) -> pb::RoomUser {
    let mut user = pb::RoomUser::default();
    write_user(member, &mut user);
    user
}

/// Overwrites a message with a member. To convert many members, one message is used again, so
/// that its memory is not allocated again.
pub(in crate::grpc) fn write_user(member: &Member, user: &mut pb::RoomUser) {
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

/// `ROOM_CLOSED` is a reason on watches of users only. A room tells a close as a close, except
/// when it comes so late that most members stay.
fn to_room_leave_reason(reason: LeaveReason) -> pb::LeaveReason {
    match reason {
        LeaveReason::RoomClosed => pb::LeaveReason::Unknown,
        reason => to_leave_reason(reason),
    }
}
