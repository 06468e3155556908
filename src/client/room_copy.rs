//! A watcher's copy of a room, made of the messages of `WatchRoom`.
//!
//! Folding a message in checks it against the stream's contract: revisions that
//! rise, snapshots that are whole, changes that fit what is there, and a digest
//! that matches. A copy that is complete is the server's roster, or a
//! [`Violation`] said that it is not.

#[cfg(test)]
mod tests;
mod violation;

use std::{collections::BTreeMap, hash::Hasher as _};

use fnv::FnvHasher;

use crate::pb::{self, SnapshotReason, room_change::Change, watch_room_response::Update};

pub use self::violation::{Missing, Violation};

/// A copy of a room.
///
/// ```text
/// let token = copy.open();            // a stream begins: send this token
/// copy.apply(&message)?;              // for each of its messages
/// ```
///
/// When the stream breaks, [`open`](Self::open) the next. After a violation that
/// gives no token, so the next stream begins with a snapshot.
#[derive(Clone, Debug, Default)]
pub struct RoomCopy {
    room: Option<pb::Room>,
    users: BTreeMap<String, pb::RoomUser>,
    /// Of `users`, kept up to date with each change.
    digest: u64,
    /// Of `users`, those who are counted.
    user_count: u32,
    revision: u64,
    resume_token: String,
    phase: Phase,
}

/// What the copy is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Nothing: it takes a snapshot next.
    #[default]
    Void,
    /// Some parts of a snapshot.
    Partial,
    /// All.
    Complete,
}

/// What a message did to a copy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Folded<'m> {
    /// It began or continued a new copy, which is not complete yet.
    Part,
    /// It completed a new copy.
    Snapshot(SnapshotReason),
    /// It changed the copy.
    Changes(&'m [pb::RoomChange]),
    /// It confirmed that the copy is right.
    Confirmed,
}

// === impl RoomCopy ===

impl RoomCopy {
    /// A copy of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a stream. Returns the resume token to ask for it with: empty, if
    /// the copy is not complete.
    pub fn open(&mut self) -> &str {
        if self.phase != Phase::Complete {
            self.clear();
        }
        &self.resume_token
    }

    /// Folds the next message of the stream in. Returns what it did.
    ///
    /// # Errors
    /// When the message breaks the contract. Then the copy is void (what it was
    /// can still be looked at), and the stream should be given up.
    pub fn apply<'m>(
        &mut self,
        message: &'m pb::WatchRoomResponse,
    ) -> Result<Folded<'m>, Violation> {
        let folded = self.fold(message);
        if folded.is_err() {
            self.phase = Phase::Void;
            self.resume_token.clear();
        }
        folded
    }

    /// Whether this is a whole copy: not before the last part of a snapshot, and
    /// not after a violation.
    pub fn is_complete(&self) -> bool {
        self.phase == Phase::Complete
    }

    /// The room, as last sent. Its counts and last event time are as old as that;
    /// see [`user_count`](Self::user_count).
    pub fn room(&self) -> Option<&pb::Room> {
        self.room.as_ref()
    }

    /// Who is present, by id.
    pub fn users(&self) -> &BTreeMap<String, pb::RoomUser> {
        &self.users
    }

    /// How many are present, without those of role `USER_ROLE_ADMIN`.
    pub fn user_count(&self) -> u32 {
        self.user_count
    }

    /// The revision that the copy is at.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Where a stream can go on from; empty if the copy is not complete.
    pub fn resume_token(&self) -> &str {
        &self.resume_token
    }

    /// The digest of who is present, as `Progress.digest`.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    fn fold<'m>(&mut self, message: &'m pb::WatchRoomResponse) -> Result<Folded<'m>, Violation> {
        let (before, now) = (self.revision, message.revision);
        match message
            .update
            .as_ref()
            .ok_or(Violation::Missing(Missing::Update))?
        {
            Update::Snapshot(part) => self.fold_part(message, part),
            Update::Changes(pb::Changes { changes }) => {
                self.check_goes_on(message)?;
                if now <= before {
                    return Err(Violation::ChangesNotAbove { before, now });
                }
                changes
                    .iter()
                    .try_for_each(|change| self.fold_change(change))?;
                self.advance(message);
                Ok(Folded::Changes(changes))
            }
            Update::Progress(progress) => {
                self.check_goes_on(message)?;
                if now < before {
                    return Err(Violation::RevisionBack { before, now });
                }
                self.confirm(progress)?;
                self.advance(message);
                Ok(Folded::Confirmed)
            }
        }
    }

    /// Whether anything but a snapshot may come now.
    fn check_goes_on(&self, message: &pb::WatchRoomResponse) -> Result<(), Violation> {
        match self.phase {
            Phase::Void => Err(Violation::SnapshotExpected),
            Phase::Partial => Err(Violation::SnapshotCut(self.revision)),
            Phase::Complete if message.resume_token.is_empty() => {
                Err(Violation::ResumeToken { present: false })
            }
            Phase::Complete => Ok(()),
        }
    }

    fn advance(&mut self, message: &pb::WatchRoomResponse) {
        self.revision = message.revision;
        self.resume_token.clone_from(&message.resume_token);
    }

    fn fold_part<'m>(
        &mut self,
        message: &'m pb::WatchRoomResponse,
        part: &'m pb::Snapshot,
    ) -> Result<Folded<'m>, Violation> {
        let room = part
            .room
            .as_ref()
            .ok_or(Violation::Missing(Missing::Room))?;
        let (before, now) = (self.revision, message.revision);
        if part.complete == message.resume_token.is_empty() {
            return Err(Violation::ResumeToken {
                present: !part.complete,
            });
        }
        if self.phase == Phase::Partial {
            if now != before || self.room.as_ref() != Some(room) {
                return Err(Violation::PartsDiffer { before, part: now });
            }
        } else {
            // Another journal counts from 1 again.
            if now < before && part.reason() != SnapshotReason::EpochChanged {
                return Err(Violation::RevisionBack { before, now });
            }
            self.clear();
        }
        self.phase = Phase::Partial;
        self.revision = now;
        self.room = Some(room.clone());
        for user in &part.users {
            self.insert("snapshot", user, false)?;
        }
        if !part.complete {
            return Ok(Folded::Part);
        }
        self.phase = Phase::Complete;
        self.advance(message);
        Ok(Folded::Snapshot(part.reason()))
    }

    fn fold_change(&mut self, change: &pb::RoomChange) -> Result<(), Violation> {
        let change = change
            .change
            .as_ref()
            .ok_or(Violation::Missing(Missing::Change))?;
        match change {
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
                self.room = Some(room(&closed.room)?.clone());
                self.clear_users();
                Ok(())
            }
        }
    }

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
        self.digest = self.digest.wrapping_add(hash(user));
        self.user_count += u32::from(is_counted(user));
        self.users.insert(user.user_id.clone(), user.clone());
        Ok(())
    }

    fn take(&mut self, user_id: &str) -> Option<pb::RoomUser> {
        let user = self.users.remove(user_id)?;
        self.digest = self.digest.wrapping_sub(hash(&user));
        self.user_count -= u32::from(is_counted(&user));
        Some(user)
    }

    fn confirm(&self, progress: &pb::Progress) -> Result<(), Violation> {
        let pb::Progress { user_count, digest } = *progress;
        if (user_count, digest) == (self.user_count, self.digest) {
            return Ok(());
        }
        Err(Violation::Drift {
            users: self.user_count,
            digest: self.digest,
            server_users: user_count,
            server_digest: digest,
        })
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn clear_users(&mut self) {
        self.users.clear();
        self.digest = 0;
        self.user_count = 0;
    }
}

/// The digest of a room's users, as `Progress.digest`: the wrapping sum of each
/// one's FNV-1a hash.
pub fn digest<'u>(users: impl IntoIterator<Item = &'u pb::RoomUser>) -> u64 {
    users.into_iter().map(hash).fold(0, u64::wrapping_add)
}

fn hash(user: &pb::RoomUser) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(user.user_id.as_bytes());
    hasher.write(&[0]);
    hasher.write(user.session_id.as_bytes());
    hasher.finish()
}

fn is_counted(user: &pb::RoomUser) -> bool {
    user.role() != pb::UserRole::Admin
}

fn user(user: &Option<pb::RoomUser>) -> Result<&pb::RoomUser, Violation> {
    user.as_ref().ok_or(Violation::Missing(Missing::User))
}

fn room(room: &Option<pb::Room>) -> Result<&pb::Room, Violation> {
    room.as_ref().ok_or(Violation::Missing(Missing::Room))
}

fn does_not_fit(change: &str, id: &str, present: bool) -> Violation {
    Violation::DoesNotFit {
        change: format!("{change} of {id:?}"),
        present,
    }
}
