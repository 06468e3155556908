//! The users of a room, in records of a limited length.

use std::{collections::VecDeque, vec};

use prost::Message as _;

use crate::{
    domain::{IncarnationId, UserId, UserIdRef},
    reconcile::{
        room::{Room, Users},
        sessions::Sessions,
    },
    stored,
};

use super::{check::StoredError, session};

/// Bytes of users in one record. A room can have all users that there are. As one record it would
/// take much more memory than the room itself, when it is written and when it is read. So what a
/// checkpoint takes beside the roster is a few times this, and what changes meanwhile.
pub(crate) const BYTES_MAX: usize = 256 * 1024;

/// The users of a life who are in no record yet, by their ids, so that one state has one spelling.
pub(super) struct LeftUsers<'a>(vec::IntoIter<&'a Sessions>);

/// The users of a room whom the record of the room has no place for, in records of their own.
pub(crate) struct FurtherUsers<'a>(VecDeque<(&'a IncarnationId, LeftUsers<'a>)>);

/// How many bytes of users a record has a place for.
pub(super) struct Place(usize);

impl Default for Place {
    fn default() -> Self {
        Self(BYTES_MAX)
    }
}

impl<'a> LeftUsers<'a> {
    pub(super) fn of(users: &'a Users) -> Self {
        Self(users.sorted_sessions().into_iter())
    }

    /// Takes the next users, as far as there is a place for them.
    pub(super) fn take(&mut self, place: &mut Place) -> Vec<stored::Sessions> {
        let mut taken = Vec::new();
        while place.0 > 0
            && let Some(sessions) = self.0.next()
        {
            let record = to_record(sessions);
            place.0 = place.0.saturating_sub(record.encoded_len());
            taken.push(record);
        }
        taken
    }

    fn is_empty(&self) -> bool {
        self.0.as_slice().is_empty()
    }
}

impl<'a> FurtherUsers<'a> {
    pub(super) fn of(lives: Vec<(&'a IncarnationId, LeftUsers<'a>)>) -> Self {
        let lives = lives.into_iter();
        Self(lives.filter(|(_, users)| !users.is_empty()).collect())
    }
}

impl Iterator for FurtherUsers<'_> {
    type Item = stored::RoomUsers;

    fn next(&mut self) -> Option<stored::RoomUsers> {
        let (life, left) = self.0.front_mut()?;
        let record = stored::RoomUsers {
            incarnation_id: life.as_str().to_owned(),
            users: left.take(&mut Place::default()),
        };
        if left.is_empty() {
            self.0.pop_front();
        }
        Some(record)
    }
}

fn to_record(sessions: &Sessions) -> stored::Sessions {
    stored::Sessions {
        user_id: sessions.user().map_or("", UserIdRef::as_str).to_owned(),
        sessions: session::to_records(sessions),
    }
}

fn from_record(record: stored::Sessions) -> Result<Sessions, StoredError> {
    let user = UserId::from(record.user_id.as_str());
    session::from_records(&user, record.sessions)
}

/// The users of a life, as far as they are in the record of its room.
pub(super) fn from_records(records: Vec<stored::Sessions>) -> Result<Users, StoredError> {
    let mut users = Users::default();
    for record in records {
        users.restore(from_record(record)?)?;
    }
    Ok(users)
}

/// Adds further users to a room that is restored.
pub(crate) fn add_to(room: &mut Room, further: stored::RoomUsers) -> Result<(), StoredError> {
    let life = IncarnationId::from(further.incarnation_id.as_str());
    for record in further.users {
        room.restore_user(&life, from_record(record)?)?;
    }
    Ok(())
}
