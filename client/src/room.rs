//! A watcher's copy of a room, made of the messages of `WatchRoom`.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::{
    connect::Client,
    copy::CopyOf,
    digest::session_hash,
    pb::{self, WatchRoomRequest, room_change::Change, watch_room_response::Update},
    subject::{Opening, Parsed, ParsedUpdate, Subject},
    violation::{MissingPart, Violation, does_not_fit, required},
};

/// A copy of a room.
pub type RoomCopy = CopyOf<WatchedRoom>;

/// What a copy of a room holds.
#[derive(Clone, Debug, Default)]
pub struct WatchedRoom {
    room: Option<pb::Room>,
    users: BTreeMap<String, pb::RoomUser>,
    /// The digest of `users`. Each change updates it.
    digest: u64,
    /// How many of `users` count: all but those of role `USER_ROLE_ADMIN`.
    user_count: u32,
}

impl CopyOf<WatchedRoom> {
    /// The room as the server sent it last. Its counts and its last event time are not
    /// updated by changes of users: see [`user_count`](Self::user_count).
    pub fn room(&self) -> Option<&pb::Room> {
        self.subject.room.as_ref()
    }

    /// The users who are present, by id.
    pub fn users(&self) -> &BTreeMap<String, pb::RoomUser> {
        &self.subject.users
    }

    /// How many are present, without those of role `USER_ROLE_ADMIN`.
    pub fn user_count(&self) -> u32 {
        self.subject.user_count
    }

    /// The digest of the users who are present, as `Progress.digest` defines it.
    pub fn digest(&self) -> u64 {
        self.subject.digest
    }
}

impl Subject for WatchedRoom {
    type Message = pb::WatchRoomResponse;
    type Part = pb::Snapshot;
    type Change = pb::RoomChange;

    fn watch(mut client: Client, app: String, id: String, resume_token: String) -> Opening<Self> {
        let request = WatchRoomRequest {
            app,
            room_id: id,
            resume_token,
        };
        Box::pin(async move { Ok(client.watch_room(request).await?.into_inner()) })
    }

    fn parse(message: &pb::WatchRoomResponse) -> Result<Parsed<'_, Self>, Violation> {
        let update = match required(&message.update, MissingPart::Update)? {
            Update::Snapshot(part) => {
                required(&part.room, MissingPart::Room)?;
                let (reason, complete) = (part.reason(), part.complete);
                ParsedUpdate::Part {
                    part,
                    reason,
                    complete,
                }
            }
            Update::Changes(pb::Changes { changes }) => ParsedUpdate::Changes(changes),
            Update::Progress(progress) => ParsedUpdate::Progress(*progress),
        };
        Ok(Parsed {
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
        match required(&change.change, MissingPart::Change)? {
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

    /// The room itself is not compared: no change tells of its counts, nor of what the
    /// server forgets about a closed room.
    fn is_same(&self, other: &Self) -> bool {
        self.users == other.users
    }
}

impl WatchedRoom {
    /// Puts a user in. `present` says whether the user must be there before, or must not.
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

fn hash_of(user: &pb::RoomUser) -> u64 {
    session_hash(&user.user_id, &user.session_id)
}

fn is_counted(user: &pb::RoomUser) -> bool {
    user.role() != pb::UserRole::Admin
}

fn user(user: &Option<pb::RoomUser>) -> Result<&pb::RoomUser, Violation> {
    required(user, MissingPart::User)
}

fn room(room: &Option<pb::Room>) -> Result<&pb::Room, Violation> {
    required(room, MissingPart::Room)
}
