//! Takes a capture: goes through the roster while it changes.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, atomic::Ordering},
};

use super::Captured;
use crate::{
    domain::{AppName, RoomId, Time, UserId},
    journal::{Epoch, Revision},
    reconcile::{room::Room, user::User},
    roster::{
        App, Roster,
        subject::{cell::Subject, table::Table},
    },
};

/// The roster as it was at one revision, being taken. Until it is read or dropped, the
/// writer keeps a copy of what it changes.
#[derive(Debug)]
#[must_use = "the writer keeps copies until it is read or dropped"]
pub struct Capture {
    roster: Arc<Roster>,
    revision: Revision,
    journal_time: Time,
    /// The latest revision at which a room of each app was forgotten.
    rooms_floors: HashMap<AppName, Revision>,
}

/// Takes what a capture reads.
pub(crate) trait Recorder {
    /// Takes a room of which something is remembered.
    fn room(&mut self, app: &AppName, id: &RoomId, room: &Captured<Room>) -> io::Result<()>;

    /// Takes a user of whom more is remembered than the rooms that they are in.
    fn user(&mut self, app: &AppName, id: &UserId, user: &Captured<User>) -> io::Result<()>;
}

/// What was captured of one app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AppCaptured {
    pub(crate) app: AppName,
    pub(crate) rooms: u64,
    pub(crate) users: u64,
    /// From where on rooms can be followed that were not captured.
    pub(crate) rooms_floor: Revision,
    /// From where on users can be followed who were not captured.
    pub(crate) users_floor: Revision,
}

/// What was captured of one table.
#[derive(Debug, Default)]
struct TableCaptured {
    subjects: u64,
    /// From where on subjects can be followed that were not captured.
    floor: Revision,
}

/// A subject that captures hold.
trait Recordable: Subject + Sized {
    /// Hands it to the recorder; says whether there is anything to hand over.
    fn record(
        recorder: &mut dyn Recorder,
        app: &AppName,
        id: &Self::Id,
        captured: &Captured<Self>,
    ) -> io::Result<bool>;
}

impl Roster {
    /// Begins to capture the roster as it is now. `None` if it cannot begin now, because
    /// another capture is under way, or users are still being told that a life of a room is
    /// over. Try again soon.
    pub fn begin_capture(self: &Arc<Self>) -> Option<Capture> {
        // Between two entries.
        let _paused = self.progress.begin_entry();
        if !self.pending_room_ends.is_empty() {
            return None;
        }
        let is_free = !self.is_captured.swap(true, Ordering::AcqRel);
        if !is_free {
            return None;
        }
        let number = self.captures.fetch_add(1, Ordering::Relaxed) + 1;
        for App { rooms, users } in self.apps.values() {
            rooms.table().capturing().begin(number);
            users.table().capturing().begin(number);
        }
        let floors = self.apps.iter();
        let floors =
            floors.map(|(name, app)| (name.clone(), app.rooms.table().forgotten_through()));
        Some(Capture {
            rooms_floors: floors.collect(),
            roster: Arc::clone(self),
            revision: self.applied(),
            journal_time: self.progress.journal_time(),
        })
    }
}

impl Capture {
    /// The journal that its revision is of.
    pub fn epoch(&self) -> Epoch {
        self.roster.epoch
    }

    /// The last revision whose entry is in it.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The greatest receive time up to its revision.
    pub(crate) fn journal_time(&self) -> Time {
        self.journal_time
    }

    /// Hands every subject to `recorder`; returns what there was of each app, in the order of
    /// their names. Blocks for as long as that takes, so it is for a thread of its own.
    /// Nothing else waits for it.
    ///
    /// # Errors
    /// When `recorder` fails: with its error.
    pub(crate) fn read(self, recorder: &mut dyn Recorder) -> io::Result<Vec<AppCaptured>> {
        let mut apps = Vec::new();
        for (name, App { rooms, users }) in &self.roster.apps {
            let rooms = self.read_table(recorder, name, rooms.table())?;
            let users = self.read_table(recorder, name, users.table())?;
            apps.push(AppCaptured {
                app: name.clone(),
                rooms: rooms.subjects,
                users: users.subjects,
                rooms_floor: self.rooms_floor(name).max(rooms.floor),
                // Nobody remembers what happened to users who were not captured.
                users_floor: self.revision,
            });
        }
        // The roster has them in no order, but one state is to have one spelling.
        apps.sort_unstable_by(|a, b| a.app.cmp(&b.app));
        Ok(apps)
    }

    fn read_table<S: Recordable>(
        &self,
        recorder: &mut dyn Recorder,
        app: &AppName,
        table: &Table<S>,
    ) -> io::Result<TableCaptured> {
        let mut done = TableCaptured::default();
        let mut record = |(id, captured): (S::Id, Captured<S>)| {
            if S::record(recorder, app, &id, &captured)? {
                done.subjects += 1;
            } else {
                done.floor = captured.recent.floor.max(done.floor);
            }
            io::Result::Ok(())
        };
        for (id, cell) in table.cells() {
            let captured = table.capturing().take(&mut cell.state.lock());
            captured
                .map(|captured| record((id, captured)))
                .transpose()?;
            // Not left for the end: they take memory.
            let kept = table.capturing().take_kept();
            kept.into_iter().try_for_each(&mut record)?;
        }
        let kept = table.capturing().take_kept();
        kept.into_iter().try_for_each(&mut record)?;
        // After the capture's revision nothing is missing: those entries are applied
        // again.
        done.floor = done.floor.min(self.revision);
        Ok(done)
    }

    fn rooms_floor(&self, app: &AppName) -> Revision {
        self.rooms_floors.get(app).copied().unwrap_or_default()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        for App { rooms, users } in self.roster.apps.values() {
            rooms.table().capturing().end();
            users.table().capturing().end();
        }
        self.roster.is_captured.store(false, Ordering::Release);
    }
}

impl Recordable for Room {
    fn record(
        recorder: &mut dyn Recorder,
        app: &AppName,
        id: &RoomId,
        room: &Captured<Self>,
    ) -> io::Result<bool> {
        if room.subject.is_forgotten() {
            return Ok(false);
        }
        recorder.room(app, id, room).map(|()| true)
    }
}

impl Recordable for User {
    // Something is remembered of every user who is there, be it only from where on they can
    // be followed.
    fn record(
        recorder: &mut dyn Recorder,
        app: &AppName,
        id: &UserId,
        user: &Captured<Self>,
    ) -> io::Result<bool> {
        recorder.user(app, id, user).map(|()| true)
    }
}
