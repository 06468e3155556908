//! A watcher's copy of a user, folded as `docs/watch.md` says.

use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use headcount::{
    grpc::{Presence, PresenceService as _, request_from_within},
    journal::Revision,
    pb::{
        Device, GetUserRequest, GetUserResponse, LeaveReason, Progress, User, UserChange, UserRoom,
        WatchUserRequest, WatchUserResponse, user_change::Change, watch_user_response::Update,
    },
    reconcile::digest_of,
};
use tonic::{Response, Status};

use super::harness::{Seen, Subject, decoded};
use super::watcher::{Folded, Messages, Replica};

#[derive(Clone, Debug)]
pub(crate) struct UserCopy {
    user: &'static str,
    name: String,
    devices: BTreeMap<String, Device>,
    rooms: BTreeMap<String, UserRoom>,
    revision: Revision,
    /// Of a copy that is complete.
    resume_token: String,
}

pub(crate) fn get_user(presence: &Presence, (app, user): Subject) -> GetUserResponse {
    let request = GetUserRequest {
        app: app.to_owned(),
        user_id: user.to_owned(),
        ..GetUserRequest::default()
    };
    let answer = presence.get_user(request_from_within(request));
    decoded(answer.now_or_never().unwrap().unwrap().into_inner())
}

/// A user with the devices in the order of their ids as texts.
pub(crate) fn in_order(mut user: User) -> User {
    user.devices.sort_by(|a, b| a.session_id.cmp(&b.session_id));
    user
}

impl UserCopy {
    fn replace(&mut self, user: &User) {
        self.name.clone_from(&user.name);
        let devices = user.devices.iter().cloned();
        self.devices = devices.map(|it| (it.session_id.clone(), it)).collect();
        let rooms = user.rooms.iter().cloned();
        self.rooms = rooms.map(|it| (it.room_id.clone(), it)).collect();
    }

    fn change(&mut self, change: &UserChange, seen: &Seen) {
        match change.change.as_ref().unwrap() {
            Change::DeviceOnline(online) => {
                let device = online.device.clone().unwrap();
                self.devices.insert(device.session_id.clone(), device);
                seen.count("a device online");
            }
            Change::DeviceOffline(offline) => {
                let session = &offline.device.as_ref().unwrap().session_id;
                let known = self.devices.remove(session);
                assert!(known.is_some(), "not online: {offline:?}");
                seen.count(match offline.reason() {
                    LeaveReason::Superseded => "a device replaced",
                    _ => "a device offline",
                });
            }
            Change::RoomEntered(entered) => {
                let room = entered.room.clone().unwrap();
                self.rooms.insert(room.room_id.clone(), room);
                seen.count("a room entered");
            }
            Change::RoomLeft(left) => {
                let known = self.rooms.remove(&left.room.as_ref().unwrap().room_id);
                assert_eq!(known, left.room, "not in it: {left:?}");
                seen.count(match left.reason() {
                    LeaveReason::RoomClosed => "a room closed",
                    LeaveReason::Superseded => "a life superseded",
                    _ => "a room left",
                });
            }
            Change::UserUpdated(renamed) => {
                self.name = renamed.user.clone().unwrap().name;
                seen.count("another name");
            }
        }
    }

    fn confirm(&self, progress: &Progress) {
        let sessions = self.devices.keys();
        let digests = sessions.map(|it| digest_of(self.user, it));
        assert_eq!(progress.digest, digests.fold(0, u64::wrapping_add));
        assert_eq!(progress.user_count as usize, self.devices.len());
    }
}

impl Replica for UserCopy {
    type Message = WatchUserResponse;
    type Look = User;

    fn new((_, user): Subject) -> Self {
        Self {
            user,
            name: String::new(),
            devices: BTreeMap::new(),
            rooms: BTreeMap::new(),
            revision: 0,
            resume_token: String::new(),
        }
    }

    fn get(presence: &Presence, subject: Subject) -> Option<Self> {
        let answer = get_user(presence, subject);
        let mut copy = Self::new(subject);
        copy.replace(&answer.user.unwrap());
        (copy.revision, copy.resume_token) = (answer.revision, answer.resume_token);
        Some(copy)
    }

    async fn watch(
        presence: &Presence,
        (app, user): Subject,
        resume_token: String,
    ) -> Result<Response<Messages<WatchUserResponse>>, Status> {
        let request = WatchUserRequest {
            app: app.to_owned(),
            user_id: user.to_owned(),
            resume_token,
        };
        presence.watch_user(request_from_within(request)).await
    }

    fn open(&mut self) -> String {
        self.resume_token.clone()
    }

    fn fold(&mut self, message: &WatchUserResponse, seen: &Seen) -> Folded {
        let (before, now) = (self.revision, message.revision);
        assert!(now >= before, "from {before} back to {now}");
        let was_complete = !self.resume_token.is_empty();
        self.revision = now;
        self.resume_token.clone_from(&message.resume_token);
        assert!(!self.resume_token.is_empty(), "every message has a token");
        match message.update.as_ref().unwrap() {
            Update::Snapshot(snapshot) => {
                assert!(snapshot.complete, "a user fits into one message");
                self.replace(snapshot.user.as_ref().unwrap());
                Folded::Snapshot(snapshot.reason())
            }
            _ if !was_complete => panic!("a snapshot comes first: {message:?}"),
            Update::Changes(changes) => {
                assert!(now > before, "changes of {now} after {before}");
                let changes = &changes.changes;
                changes.iter().for_each(|change| self.change(change, seen));
                Folded::Changes
            }
            Update::Progress(progress) => {
                self.confirm(progress);
                Folded::Confirmed
            }
        }
    }

    fn look(&self) -> Option<(Revision, User)> {
        let user = User {
            user_id: self.user.to_owned(),
            name: self.name.clone(),
            online: !self.devices.is_empty(),
            devices: self.devices.values().cloned().collect(),
            rooms: self.rooms.values().cloned().collect(),
        };
        (!self.resume_token.is_empty()).then_some((self.revision, user))
    }
}
