//! A watcher's copy of a user, made of the messages of `WatchUser`.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::{
    connect::Client,
    copy::CopyOf,
    digest::session_hash,
    pb::{self, WatchUserRequest, user_change::Change, watch_user_response::Update},
    subject::{Opening, Parsed, ParsedUpdate, Subject},
    violation::{MissingPart, Violation, does_not_fit, required},
};

/// A copy of a user.
pub type UserCopy = CopyOf<WatchedUser>;

/// What a copy of a user holds.
#[derive(Clone, Debug, Default)]
pub struct WatchedUser {
    user_id: String,
    name: String,
    devices: BTreeMap<String, pb::Device>,
    rooms: BTreeMap<String, pb::UserRoom>,
    /// The digest of `devices`. Each change updates it.
    digest: u64,
}

impl CopyOf<WatchedUser> {
    /// The user, as `GetUser` returns it.
    pub fn user(&self) -> pb::User {
        let user = &self.subject;
        let mut devices: Vec<pb::Device> = user.devices.values().cloned().collect();
        // They are sorted by session id already, and the sort is stable.
        devices.sort_by_key(|device| {
            let at = device.login_time.as_ref();
            at.map(|at| (at.seconds, at.nanos))
        });
        pb::User {
            user_id: user.user_id.clone(),
            name: user.name.clone(),
            online: !devices.is_empty(),
            devices,
            rooms: user.rooms.values().cloned().collect(),
        }
    }

    /// The name that the latest login gave. It may be empty.
    pub fn name(&self) -> &str {
        &self.subject.name
    }

    /// The devices that are online, by session id.
    pub fn devices(&self) -> &BTreeMap<String, pb::Device> {
        &self.subject.devices
    }

    /// The rooms that the user is in, by id.
    pub fn rooms(&self) -> &BTreeMap<String, pb::UserRoom> {
        &self.subject.rooms
    }

    /// The digest of the devices, as `Progress.digest` defines it.
    pub fn digest(&self) -> u64 {
        self.subject.digest
    }
}

impl Subject for WatchedUser {
    type Message = pb::WatchUserResponse;
    type Part = pb::User;
    type Change = pb::UserChange;

    fn watch(mut client: Client, app: String, id: String, resume_token: String) -> Opening<Self> {
        let request = WatchUserRequest {
            app,
            user_id: id,
            resume_token,
        };
        Box::pin(async move { Ok(client.watch_user(request).await?.into_inner()) })
    }

    fn parse(message: &pb::WatchUserResponse) -> Result<Parsed<'_, Self>, Violation> {
        let update = match required(&message.update, MissingPart::Update)? {
            Update::Snapshot(snapshot) => ParsedUpdate::Part {
                part: required(&snapshot.user, MissingPart::User)?,
                reason: snapshot.reason(),
                complete: snapshot.complete,
            },
            Update::Changes(pb::UserChanges { changes }) => ParsedUpdate::Changes(changes),
            Update::Progress(progress) => ParsedUpdate::Progress(*progress),
        };
        Ok(Parsed {
            revision: message.revision,
            resume_token: &message.resume_token,
            update,
        })
    }

    fn is_continued_by(&self, part: &pb::User) -> bool {
        let is_online = !self.devices.is_empty();
        (&self.user_id, &self.name, is_online) == (&part.user_id, &part.name, part.online)
    }

    fn add(&mut self, user: &pb::User) -> Result<(), Violation> {
        self.user_id.clone_from(&user.user_id);
        self.name.clone_from(&user.name);
        for device in &user.devices {
            if self.put(device) {
                return Err(does_not_fit("snapshot", &device.session_id, true));
            }
        }
        for room in &user.rooms {
            if self.enter(room) {
                return Err(does_not_fit("snapshot", &room.room_id, true));
            }
        }
        match user.online == self.devices.is_empty() {
            true => Err(does_not_fit("snapshot", &user.user_id, !user.online)),
            false => Ok(()),
        }
    }

    fn change(&mut self, change: &pb::UserChange) -> Result<(), Violation> {
        match required(&change.change, MissingPart::Change)? {
            Change::DeviceOnline(online) => {
                self.put(required(&online.device, MissingPart::Device)?);
            }
            Change::DeviceOffline(offline) => {
                let id = &required(&offline.device, MissingPart::Device)?.session_id;
                if !self.take(id) {
                    return Err(does_not_fit("device_offline", id, false));
                }
            }
            Change::RoomEntered(entered) => {
                self.enter(required(&entered.room, MissingPart::Room)?);
            }
            Change::RoomLeft(left) => {
                let id = &required(&left.room, MissingPart::Room)?.room_id;
                if self.rooms.remove(id).is_none() {
                    return Err(does_not_fit("room_left", id, false));
                }
            }
            Change::UserUpdated(renamed) => {
                let user = required(&renamed.user, MissingPart::User)?;
                self.name.clone_from(&user.name);
            }
        }
        Ok(())
    }

    fn tally(&self) -> (u32, u64) {
        let count = u32::try_from(self.devices.len()).unwrap_or(u32::MAX);
        (count, self.digest)
    }

    /// The name is not compared: no change tells that the server forgot the name of a user
    /// who is offline.
    fn is_same(&self, other: &Self) -> bool {
        (&self.devices, &self.rooms) == (&other.devices, &other.rooms)
    }
}

impl WatchedUser {
    /// Puts a device in. Returns whether it was there before.
    fn put(&mut self, device: &pb::Device) -> bool {
        let was_there = self.take(&device.session_id);
        self.digest = self.digest.wrapping_add(self.hash_of(device));
        (self.devices).insert(device.session_id.clone(), device.clone());
        was_there
    }

    /// Takes a device out. Returns whether it was there.
    fn take(&mut self, session_id: &str) -> bool {
        let Some(device) = self.devices.remove(session_id) else {
            return false;
        };
        self.digest = self.digest.wrapping_sub(self.hash_of(&device));
        true
    }

    /// Puts a room in. Returns whether the user was there before.
    fn enter(&mut self, room: &pb::UserRoom) -> bool {
        let before = self.rooms.insert(room.room_id.clone(), room.clone());
        before.is_some()
    }

    fn hash_of(&self, device: &pb::Device) -> u64 {
        session_hash(&self.user_id, &device.session_id)
    }
}
