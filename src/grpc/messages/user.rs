//! Converts users to messages.

use bytes::BytesMut;
use prost::Message as _;

use super::{
    convert::{to_count, to_leave_reason, to_snapshot_reason, to_timestamp},
    outgoing::put_message,
    page::{PART_BYTES_MAX, fill_page},
    wire_subject::WireSubject,
};
use crate::{
    domain::{AppName, RoomId, Time, UserId},
    journal::Revision,
    pb::{self, watch_user_response::Update},
    reconcile::Member,
    reconcile::user::{User, UserChange, UserView, devices_digest},
    roster::SnapshotReason,
};

/// The tag of the field of `UserChanges` that lists the changes.
const CHANGE_TAG: u32 = 1;

/// The app and the id of a user, which messages contain.
#[derive(Clone, Debug)]
pub(in crate::grpc) struct UserRef {
    pub(in crate::grpc) app: AppName,
    pub(in crate::grpc) user: UserId,
}

impl UserRef {
    /// The user with as many rooms as fit into `bytes_max` bytes with the rest, at least one if
    /// there is any; and the last of them, if more follow.
    pub(in crate::grpc) fn to_user_within(
        &self,
        view: &UserView,
        bytes_max: usize,
    ) -> (pb::User, Option<RoomId>) {
        let user = self.without_rooms(view);
        let bytes_left = bytes_max.saturating_sub(user.encoded_len());
        let page = fill_page(
            view.rooms.iter(),
            usize::MAX,
            bytes_left,
            |(room, login_at)| to_user_room(room, *login_at),
        );
        let last = page.continue_after.map(|(room, _)| room.clone());
        let rooms = page.messages;
        (pb::User { rooms, ..user }, last)
    }

    fn without_rooms(&self, view: &UserView) -> pb::User {
        pb::User {
            user_id: self.user.as_str().to_owned(),
            name: view.name.as_deref().unwrap_or_default().to_owned(),
            online: !view.devices.is_empty(),
            devices: view.devices.iter().map(to_device).collect(),
            rooms: Vec::new(),
        }
    }

    fn to_change(&self, change: &UserChange) -> pb::UserChange {
        use pb::user_change::Change;
        let change = match change {
            UserChange::DeviceOnline(device) => Change::DeviceOnline(pb::DeviceOnline {
                device: Some(to_device(device)),
            }),
            UserChange::DeviceOffline { device, reason, at } => {
                Change::DeviceOffline(pb::DeviceOffline {
                    device: Some(to_device(device)),
                    reason: to_leave_reason(*reason).into(),
                    offline_time: at.map(to_timestamp),
                })
            }
            UserChange::RoomEntered { room, login_at } => Change::RoomEntered(pb::RoomEntered {
                room: Some(to_user_room(room, *login_at)),
            }),
            UserChange::RoomLeft {
                room,
                login_at,
                reason,
                at,
            } => Change::RoomLeft(pb::RoomLeft {
                room: Some(to_user_room(room, *login_at)),
                reason: to_leave_reason(*reason).into(),
                leave_time: at.map(to_timestamp),
            }),
            UserChange::Renamed(name) => Change::UserUpdated(pb::UserRenamed {
                user: Some(pb::User {
                    user_id: self.user.as_str().to_owned(),
                    name: name.to_string(),
                    ..pb::User::default()
                }),
            }),
        };
        pb::UserChange {
            change: Some(change),
        }
    }
}

impl WireSubject for User {
    type Ref = UserRef;
    /// The last room that was sent.
    type Cursor = RoomId;
    type Update = Update;
    type Message = pb::WatchUserResponse;

    fn app(subject: &UserRef) -> &AppName {
        &subject.app
    }

    fn snapshot_part(
        subject: &UserRef,
        view: &UserView,
        reason: SnapshotReason,
        after: Option<RoomId>,
    ) -> (Update, Option<RoomId>) {
        let rooms = view.rooms.after(after.as_ref());
        let page = fill_page(rooms, usize::MAX, PART_BYTES_MAX, |(room, login_at)| {
            to_user_room(room, *login_at)
        });
        let next = page.continue_after.map(|(room, _)| room.clone());
        let mut user = subject.without_rooms(view);
        user.rooms = page.messages;
        if after.is_some() {
            user.devices = Vec::new();
        }
        let snapshot = Update::Snapshot(pb::UserSnapshot {
            user: Some(user),
            reason: to_snapshot_reason(reason).into(),
            complete: next.is_none(),
        });
        (snapshot, next)
    }

    fn encode_changes(subject: &UserRef, changes: &[UserChange], out: &mut BytesMut) {
        for change in changes {
            put_message(CHANGE_TAG, &subject.to_change(change), out);
        }
    }

    fn progress(subject: &UserRef, view: &UserView) -> Update {
        Update::Progress(pb::Progress {
            user_count: to_count(view.devices.len()),
            digest: devices_digest(&subject.user, &view.devices),
        })
    }

    fn message(revision: Revision, resume_token: String, update: Option<Update>) -> Self::Message {
        pb::WatchUserResponse {
            revision,
            resume_token,
            update,
        }
    }
}

fn to_device(device: &Member) -> pb::Device {
    pb::Device {
        session_id: device.session().as_str().to_owned(),
        platform: device.profile().platform.to_string(),
        login_time: device.login_at().map(to_timestamp),
    }
}

fn to_user_room(room: &RoomId, login_at: Option<Time>) -> pb::UserRoom {
    pb::UserRoom {
        room_id: room.as_str().to_owned(),
        login_time: login_at.map(to_timestamp),
    }
}
