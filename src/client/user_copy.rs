//! A watcher's copy of a user, made of the messages of `WatchUser`.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use tonic::transport::Channel;

use super::copy::{
    CopyOf, Missing, Opening, Read, Subject, Update, Violation, does_not_fit, hash, there,
};
use crate::pb::{
    self, WatchUserRequest, presence_service_client::PresenceServiceClient, user_change::Change,
    watch_user_response,
};

/// A copy of a user.
pub type UserCopy = CopyOf<User>;

/// What a copy of a user holds.
#[derive(Clone, Debug, Default)]
pub struct User {
    user_id: String,
    name: String,
    devices: BTreeMap<String, pb::Device>,
    rooms: BTreeMap<String, pb::UserRoom>,
    /// Of `devices`, kept up to date with each change.
    digest: u64,
}

impl CopyOf<User> {
    /// The user, as `GetUser` would tell.
    pub fn user(&self) -> pb::User {
        let user = &self.subject;
        let mut devices: Vec<pb::Device> = user.devices.values().cloned().collect();
        // They are sorted by session id already.
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

    /// The name that the latest login gave; may be empty.
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

    /// The digest of the devices, as `Progress.digest`.
    pub fn digest(&self) -> u64 {
        self.subject.digest
    }
}

impl Subject for User {
    type Message = pb::WatchUserResponse;
    type Part = pb::User;
    type Change = pb::UserChange;

    fn watch(
        mut client: PresenceServiceClient<Channel>,
        app: String,
        id: String,
        resume_token: String,
    ) -> Opening<Self> {
        let request = WatchUserRequest {
            app,
            user_id: id,
            resume_token,
        };
        Box::pin(async move { Ok(client.watch_user(request).await?.into_inner()) })
    }

    fn read(message: &pb::WatchUserResponse) -> Result<Read<'_, Self>, Violation> {
        use watch_user_response::Update as Told;
        let update = match there(&message.update, Missing::Update)? {
            Told::Snapshot(snapshot) => Update::Part {
                part: there(&snapshot.user, Missing::User)?,
                reason: snapshot.reason(),
                complete: snapshot.complete,
            },
            Told::Changes(pb::UserChanges { changes }) => Update::Changes(changes),
            Told::Progress(progress) => Update::Progress(*progress),
        };
        Ok(Read {
            revision: message.revision,
            resume_token: &message.resume_token,
            update,
        })
    }

    /// A user fits into one message.
    fn is_continued_by(&self, _: &pb::User) -> bool {
        false
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
        match there(&change.change, Missing::Change)? {
            Change::DeviceOnline(online) => {
                self.put(there(&online.device, Missing::Device)?);
            }
            Change::DeviceOffline(offline) => {
                let id = &there(&offline.device, Missing::Device)?.session_id;
                if !self.take(id) {
                    return Err(does_not_fit("device_offline", id, false));
                }
            }
            Change::RoomEntered(entered) => {
                self.enter(there(&entered.room, Missing::Room)?);
            }
            Change::RoomLeft(left) => {
                let id = &there(&left.room, Missing::Room)?.room_id;
                if self.rooms.remove(id).is_none() {
                    return Err(does_not_fit("room_left", id, false));
                }
            }
            Change::UserUpdated(renamed) => {
                let user = there(&renamed.user, Missing::User)?;
                self.name.clone_from(&user.name);
            }
        }
        Ok(())
    }

    fn tally(&self) -> (u32, u64) {
        let count = u32::try_from(self.devices.len()).unwrap_or(u32::MAX);
        (count, self.digest)
    }

    /// That the name of one who is offline is forgotten is told by no change.
    fn is_same(&self, other: &Self) -> bool {
        (&self.devices, &self.rooms) == (&other.devices, &other.rooms)
    }
}

impl User {
    /// Puts a device in. Whether it was there.
    fn put(&mut self, device: &pb::Device) -> bool {
        let was_there = self.take(&device.session_id);
        self.digest = self.digest.wrapping_add(self.hash_of(device));
        (self.devices).insert(device.session_id.clone(), device.clone());
        was_there
    }

    /// Whether the device was there.
    fn take(&mut self, session_id: &str) -> bool {
        let Some(device) = self.devices.remove(session_id) else {
            return false;
        };
        self.digest = self.digest.wrapping_sub(self.hash_of(&device));
        true
    }

    /// Whether the user was there.
    fn enter(&mut self, room: &pb::UserRoom) -> bool {
        let before = self.rooms.insert(room.room_id.clone(), room.clone());
        before.is_some()
    }

    fn hash_of(&self, device: &pb::Device) -> u64 {
        hash(&self.user_id, &device.session_id)
    }
}
