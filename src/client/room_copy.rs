//! A watcher's copy of a room, made of the messages of `WatchRoom`.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use tonic::transport::Channel;

use super::copy::{
    CopyOf, Missing, Opening, Read, Subject, Update, Violation, does_not_fit, hash, there,
};
use crate::pb::{
    self, WatchRoomRequest, presence_service_client::PresenceServiceClient, room_change::Change,
    watch_room_response,
};

/// A copy of a room.
pub type RoomCopy = CopyOf<Room>;

/// What a copy of a room holds.
#[derive(Clone, Debug, Default)]
pub struct Room {
    room: Option<pb::Room>,
    users: BTreeMap<String, pb::RoomUser>,
    /// Of `users`, kept up to date with each change.
    digest: u64,
    /// Of `users`, those who are counted.
    user_count: u32,
}

impl CopyOf<Room> {
    /// The room, as last sent. Its counts and last event time are as old as that;
    /// see [`user_count`](Self::user_count).
    pub fn room(&self) -> Option<&pb::Room> {
        self.subject.room.as_ref()
    }

    /// Who is present, by id.
    pub fn users(&self) -> &BTreeMap<String, pb::RoomUser> {
        &self.subject.users
    }

    /// How many are present, without those of role `USER_ROLE_ADMIN`.
    pub fn user_count(&self) -> u32 {
        self.subject.user_count
    }

    /// The digest of who is present, as `Progress.digest`.
    pub fn digest(&self) -> u64 {
        self.subject.digest
    }
}

impl Subject for Room {
    type Message = pb::WatchRoomResponse;
    type Part = pb::Snapshot;
    type Change = pb::RoomChange;

    fn watch(
        mut client: PresenceServiceClient<Channel>,
        app: String,
        id: String,
        resume_token: String,
    ) -> Opening<Self> {
        let request = WatchRoomRequest {
            app,
            room_id: id,
            resume_token,
        };
        Box::pin(async move { Ok(client.watch_room(request).await?.into_inner()) })
    }

    fn read(message: &pb::WatchRoomResponse) -> Result<Read<'_, Self>, Violation> {
        use watch_room_response::Update as Told;
        let update = match there(&message.update, Missing::Update)? {
            Told::Snapshot(part) => {
                there(&part.room, Missing::Room)?;
                let (reason, complete) = (part.reason(), part.complete);
                Update::Part {
                    part,
                    reason,
                    complete,
                }
            }
            Told::Changes(pb::Changes { changes }) => Update::Changes(changes),
            Told::Progress(progress) => Update::Progress(*progress),
        };
        Ok(Read {
            revision: message.revision,
            resume_token: &message.resume_token,
            update,
        })
    }

    fn is_continued_by(&self, part: &pb::Snapshot) -> bool {
        self.room == part.room
    }

    fn add(&mut self, part: &pb::Snapshot) -> Result<(), Violation> {
        self.room.clone_from(&part.room);
        let mut users = part.users.iter();
        users.try_for_each(|user| self.insert("snapshot", user, false))
    }

    fn change(&mut self, change: &pb::RoomChange) -> Result<(), Violation> {
        match there(&change.change, Missing::Change)? {
            Change::UserJoined(joined) => self.insert("user_joined", user(&joined.user)?, false),
            Change::UserUpdated(updated) => self.insert("user_updated", user(&updated.user)?, true),
            Change::UserLeft(left) => {
                let user = user(&left.user)?;
                match self.take(&user.user_id) {
                    Some(_) => Ok(()),
                    None => Err(does_not_fit("user_left", &user.user_id, false)),
                }
            }
            Change::RoomOpened(opened) => {
                let room = room(&opened.room)?;
                if !self.users.is_empty() {
                    return Err(does_not_fit("room_opened", &room.room_id, true));
                }
                self.room = Some(room.clone());
                Ok(())
            }
            Change::RoomUpdated(updated) => {
                self.room = Some(room(&updated.room)?.clone());
                Ok(())
            }
            Change::RoomClosed(closed) => {
                let room = Some(room(&closed.room)?.clone());
                *self = Self {
                    room,
                    ..Self::default()
                };
                Ok(())
            }
        }
    }

    fn tally(&self) -> (u32, u64) {
        (self.user_count, self.digest)
    }

    /// The counts of a room, and what is forgotten of a closed one, are told by no
    /// change.
    fn is_same(&self, other: &Self) -> bool {
        self.users == other.users
    }
}

impl Room {
    /// Puts a user in, who must have been `present` before, or not.
    fn insert(
        &mut self,
        change: &str,
        user: &pb::RoomUser,
        present: bool,
    ) -> Result<(), Violation> {
        let before = self.take(&user.user_id);
        if before.is_some() != present {
            return Err(does_not_fit(change, &user.user_id, !present));
        }
        self.digest = self.digest.wrapping_add(hash_of(user));
        self.user_count += u32::from(is_counted(user));
        self.users.insert(user.user_id.clone(), user.clone());
        Ok(())
    }

    fn take(&mut self, user_id: &str) -> Option<pb::RoomUser> {
        let user = self.users.remove(user_id)?;
        self.digest = self.digest.wrapping_sub(hash_of(&user));
        self.user_count -= u32::from(is_counted(&user));
        Some(user)
    }
}

/// The digest of a room's users, as `Progress.digest`: the wrapping sum of each
/// one's FNV-1a hash.
pub fn digest<'u>(users: impl IntoIterator<Item = &'u pb::RoomUser>) -> u64 {
    users.into_iter().map(hash_of).fold(0, u64::wrapping_add)
}

fn hash_of(user: &pb::RoomUser) -> u64 {
    hash(&user.user_id, &user.session_id)
}

fn is_counted(user: &pb::RoomUser) -> bool {
    user.role() != pb::UserRole::Admin
}

fn user(user: &Option<pb::RoomUser>) -> Result<&pb::RoomUser, Violation> {
    there(user, Missing::User)
}

fn room(room: &Option<pb::Room>) -> Result<&pb::Room, Violation> {
    there(room, Missing::Room)
}
