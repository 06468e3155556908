//! Rooms and users, with their history, as records.

use std::{iter, sync::Arc};

use crate::{
    domain::{AppName, RoomId, UserId},
    journal::Revision,
    reconcile::{room::Room, user::User},
    roster::{Captured, EntryChanges, EstimatedSize, RecentChanges},
    stored::{self, record::Kind},
};

use super::records::{self, StoredError, ensure, known_time, required};

/// The records of a room in a checkpoint at `revision`: the room, and those of its users whom the
/// first has no place for.
pub(super) fn room_records<'a>(
    app: &AppName,
    id: &RoomId,
    room: &'a Captured<Room>,
    revision: Revision,
) -> impl Iterator<Item = Kind> + use<'a> {
    let RecentChanges { floor, entries, .. } = &room.recent;
    let updates = entries.iter().map(|update| {
        let changes = update.changes.as_deref();
        stored::RoomUpdate {
            revision: update.revision,
            at: update.at.as_millis(),
            is_oversized: changes.is_none(),
            changes: changes
                .unwrap_or_default()
                .iter()
                .map(records::room_change::to_record)
                .collect(),
        }
    });
    let (incarnations, further) = records::room::to_records(&room.subject);
    let record = stored::Room {
        app: app.as_str().to_owned(),
        room_id: id.as_str().to_owned(),
        incarnations,
        history: Some(stored::RoomHistory {
            floor: (*floor).min(revision),
            revision: room.recent.revision,
            updates: updates.collect(),
        }),
    };
    iter::once(Kind::Room(record)).chain(further.map(Kind::RoomUsers))
}

/// The record of a user in a checkpoint at `revision`.
pub(super) fn user_record(
    app: &AppName,
    id: &UserId,
    user: &Captured<User>,
    revision: Revision,
) -> stored::User {
    let (sessions, name) = records::user::to_records(&user.subject);
    let RecentChanges { floor, entries, .. } = &user.recent;
    let updates = entries.iter().map(|update| {
        let changes = update.changes.as_deref();
        stored::UserUpdate {
            revision: update.revision,
            at: update.at.as_millis(),
            is_oversized: changes.is_none(),
            changes: changes
                .unwrap_or_default()
                .iter()
                .map(records::user_change::to_record)
                .collect(),
        }
    });
    stored::User {
        app: app.as_str().to_owned(),
        user_id: id.as_str().to_owned(),
        sessions,
        name,
        history: Some(stored::UserHistory {
            floor: (*floor).min(revision),
            revision: user.recent.revision,
            updates: updates.collect(),
        }),
    }
}

/// The room of a record in a checkpoint at `revision`.
pub(super) fn room_from(
    room: stored::Room,
    revision: Revision,
) -> Result<(AppName, RoomId, Captured<Room>), StoredError> {
    let history = required(room.history, "Room.history")?;
    let mut recent = begin(history.floor, history.revision, revision)?;
    for update in history.updates {
        let changes = update
            .changes
            .into_iter()
            .map(records::room_change::from_record);
        let changes = changes.collect::<Result<_, _>>()?;
        push(
            &mut recent,
            (update.revision, update.at),
            update.is_oversized,
            changes,
        )?;
    }
    let subject = records::room::from_records(room.incarnations)?;
    let captured = Captured { subject, recent };
    Ok((app_name(&room.app)?, room.room_id.as_str().into(), captured))
}

/// The user of a record in a checkpoint at `revision`.
pub(super) fn user_from(
    user: stored::User,
    revision: Revision,
) -> Result<(AppName, UserId, Captured<User>), StoredError> {
    let history = required(user.history, "User.history")?;
    let mut recent = begin(history.floor, history.revision, revision)?;
    for update in history.updates {
        let changes = update
            .changes
            .into_iter()
            .map(records::user_change::from_record);
        let changes = changes.collect::<Result<_, _>>()?;
        push(
            &mut recent,
            (update.revision, update.at),
            update.is_oversized,
            changes,
        )?;
    }
    let id = UserId::from(user.user_id.as_str());
    let subject = records::user::from_records(&id, user.sessions, user.name)?;
    Ok((app_name(&user.app)?, id, Captured { subject, recent }))
}

pub(super) fn app_name(app: &str) -> Result<AppName, StoredError> {
    ensure(!app.is_empty(), "app", "is missing")?;
    Ok(app.into())
}

/// A history without updates yet. Nothing in it may be from after the checkpoint.
fn begin<C>(
    floor: Revision,
    last: Revision,
    checkpoint: Revision,
) -> Result<RecentChanges<C>, StoredError> {
    let problem = "is after the checkpoint";
    ensure(floor <= checkpoint, "History.floor", problem)?;
    ensure(last <= checkpoint, "History.revision", problem)?;
    Ok(RecentChanges {
        floor,
        revision: last,
        entries: Default::default(),
    })
}

/// Adds the update of a revision, which was received at a time.
fn push<C: EstimatedSize>(
    recent: &mut RecentChanges<C>,
    (revision, at): (Revision, u64),
    is_oversized: bool,
    changes: Vec<C>,
) -> Result<(), StoredError> {
    let last = recent
        .entries
        .back()
        .map_or(recent.floor, |last| last.revision);
    let fits = last < revision && revision <= recent.revision;
    ensure(fits, "Update.revision", "is out of order")?;
    ensure(
        is_oversized == changes.is_empty(),
        "Update.changes",
        "do not fit its size",
    )?;
    let at = known_time(at, "Update.at")?;
    let changes = (!is_oversized).then_some(changes);
    recent
        .entries
        .push_back(Arc::new(EntryChanges::new(revision, at, changes)));
    Ok(())
}
