//! Subjects with their history as records.

use std::sync::Arc;

use crate::{
    domain::{AppName, RoomId, UserId},
    journal::Revision,
    reconcile::room::{Room, RoomChange},
    reconcile::user::{User, UserChange},
    roster::{
        feed::{Recent, Update, Weigh},
        subject::table::Subject,
    },
    stored::{self, StoredError, ensure, known_time, record::Kind, required},
};

use super::past::Past;

/// A subject that is part of checkpoints.
pub(super) trait Recorded: Subject {
    /// Its record, if anything is remembered of it. Of a user who is there something
    /// is, be it only from where on he can be followed.
    /// `revision` is that of the capture.
    fn record(app: &AppName, id: &Self::Id, past: &Past<Self>, revision: Revision) -> Option<Kind>
    where
        Self: Sized;
}

impl Recorded for Room {
    fn record(app: &AppName, id: &RoomId, past: &Past<Self>, revision: Revision) -> Option<Kind> {
        if past.subject.is_forgotten() {
            return None;
        }
        let Recent { floor, updates, .. } = &past.recent;
        let updates = updates.iter().map(|update| {
            let changes = update.changes.as_deref();
            stored::RoomUpdate {
                revision: update.revision,
                at: update.at.as_millis(),
                is_oversized: changes.is_none(),
                changes: changes
                    .unwrap_or_default()
                    .iter()
                    .map(RoomChange::to_stored)
                    .collect(),
            }
        });
        Some(Kind::Room(stored::Room {
            app: app.as_str().to_owned(),
            room_id: id.as_str().to_owned(),
            incarnations: past.subject.to_stored(),
            history: Some(stored::RoomHistory {
                floor: (*floor).min(revision),
                revision: past.recent.revision,
                updates: updates.collect(),
            }),
        }))
    }
}

impl Recorded for User {
    fn record(app: &AppName, id: &UserId, past: &Past<Self>, revision: Revision) -> Option<Kind> {
        let (sessions, name) = past.subject.to_stored();
        let Recent { floor, updates, .. } = &past.recent;
        let updates = updates.iter().map(|update| {
            let changes = update.changes.as_deref();
            stored::UserUpdate {
                revision: update.revision,
                at: update.at.as_millis(),
                is_oversized: changes.is_none(),
                changes: changes
                    .unwrap_or_default()
                    .iter()
                    .map(UserChange::to_stored)
                    .collect(),
            }
        });
        Some(Kind::User(stored::User {
            app: app.as_str().to_owned(),
            user_id: id.as_str().to_owned(),
            sessions,
            name,
            history: Some(stored::UserHistory {
                floor: (*floor).min(revision),
                revision: past.recent.revision,
                updates: updates.collect(),
            }),
        }))
    }
}

impl Past<Room> {
    pub(super) fn from_stored(
        room: stored::Room,
        revision: Revision,
    ) -> Result<(AppName, RoomId, Self), StoredError> {
        let history = required(room.history, "Room.history")?;
        let mut recent = Recent::new(history.floor, history.revision, revision)?;
        for update in history.updates {
            let changes = update.changes.into_iter().map(RoomChange::from_stored);
            let changes = changes.collect::<Result<_, _>>()?;
            recent.push(update.revision, update.at, update.is_oversized, changes)?;
        }
        let subject = Room::from_stored(room.incarnations)?;
        let past = Past { subject, recent };
        Ok((app_name(&room.app)?, room.room_id.as_str().into(), past))
    }
}

impl Past<User> {
    pub(super) fn from_stored(
        user: stored::User,
        revision: Revision,
    ) -> Result<(AppName, UserId, Self), StoredError> {
        let history = required(user.history, "User.history")?;
        let mut recent = Recent::new(history.floor, history.revision, revision)?;
        for update in history.updates {
            let changes = update.changes.into_iter().map(UserChange::from_stored);
            let changes = changes.collect::<Result<_, _>>()?;
            recent.push(update.revision, update.at, update.is_oversized, changes)?;
        }
        let id = UserId::from(user.user_id.as_str());
        let subject = User::from_stored(&id, user.sessions, user.name)?;
        Ok((app_name(&user.app)?, id, Past { subject, recent }))
    }
}

pub(super) fn app_name(app: &str) -> Result<AppName, StoredError> {
    ensure(!app.is_empty(), "app", "is missing")?;
    Ok(app.into())
}

impl<C: Weigh> Recent<C> {
    /// Without updates yet. Nothing in it may be from after the checkpoint's
    /// revision.
    fn new(floor: Revision, last: Revision, revision: Revision) -> Result<Self, StoredError> {
        ensure(
            floor <= revision,
            "History.floor",
            "is after the checkpoint",
        )?;
        ensure(
            last <= revision,
            "History.revision",
            "is after the checkpoint",
        )?;
        Ok(Self {
            floor,
            revision: last,
            updates: Default::default(),
        })
    }

    fn push(
        &mut self,
        revision: Revision,
        at: u64,
        is_oversized: bool,
        changes: Vec<C>,
    ) -> Result<(), StoredError> {
        let last = self.updates.back().map_or(self.floor, |last| last.revision);
        let fits = last < revision && revision <= self.revision;
        ensure(fits, "Update.revision", "is out of order")?;
        ensure(
            is_oversized == changes.is_empty(),
            "Update.changes",
            "do not fit its size",
        )?;
        let at = known_time(at, "Update.at")?;
        let changes = (!is_oversized).then_some(changes);
        let update = Update::new(revision, at, changes);
        self.updates.push_back(Arc::new(update));
        Ok(())
    }
}
