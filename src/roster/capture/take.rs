//! Takes a capture: reads all subjects while the roster changes.

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
        App, ChainPoints, Roster,
        subject::{cell::Subject, table::Table},
    },
};

/// A capture of the roster at one revision that is under way. Until it is read or dropped, the
/// writer keeps a copy of each subject that it changes.
#[derive(Debug)]
#[must_use = "the writer keeps copies until it is read or dropped"]
pub struct Capture {
    roster: Arc<Roster>,
    revision: Revision,
    journal_time: Option<Time>,
    received_at: Time,
    chain: ChainPoints,
    /// The latest revision at which a room of each app was forgotten.
    rooms_floors: HashMap<AppName, Revision>,
}

/// Receives what a capture reads.
pub(crate) trait Recorder {
    /// Receives a room of which something is remembered.
    fn room(&mut self, app: &AppName, id: &RoomId, room: &Captured<Room>) -> io::Result<()>;

    /// Receives a user who is remembered: more than the rooms that they are in.
    fn user(&mut self, app: &AppName, id: &UserId, user: &Captured<User>) -> io::Result<()>;
}

/// The number of subjects that were captured of one app, and the floors of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AppTotals {
    pub(crate) app: AppName,
    pub(crate) rooms: u64,
    pub(crate) users: u64,
    /// The revision from which on a watch of a room that was not captured can resume.
    pub(crate) rooms_floor: Revision,
    /// The revision from which on a watch of a user who was not captured can resume.
    pub(crate) users_floor: Revision,
}

/// The number of subjects that were captured of one table, and the floor of the others.
#[derive(Debug, Default)]
struct TableTotals {
    subjects: u64,
    /// The revision from which on a watch of a subject that was not captured can resume.
    floor: Revision,
}

/// A subject that can be captured.
trait Recordable: Subject + Sized {
    /// Hands a captured subject to the recorder. Returns whether there was anything to hand
    /// over.
    fn record(
        recorder: &mut dyn Recorder,
        app: &AppName,
        id: &Self::Id,
        captured: &Captured<Self>,
    ) -> io::Result<bool>;
}

impl Roster {
    /// Begins to capture the roster as it is now. `None` if another capture is under way, or
    /// if users are still being notified of the end of a life of a room. Then the caller can
    /// try again soon. Also `None` for good if an entry was applied [in part](Self::is_whole).
    pub fn begin_capture(self: &Arc<Self>) -> Option<Capture> {
        // Between two entries.
        let _paused = self.progress.begin_entry();
        if !self.is_whole() || !self.pending_room_ends.is_empty() {
            return None;
        }
        let is_free = !self.is_capturing.swap(true, Ordering::AcqRel);
        if !is_free {
            return None;
        }
        let number = self.captures.fetch_add(1, Ordering::Relaxed) + 1;
        for App { rooms, users } in self.apps.values() {
            rooms.table().capture().begin(number);
            users.table().capture().begin(number);
        }
        let floors = self.apps.iter();
        let floors =
            floors.map(|(name, app)| (name.clone(), app.rooms.table().forgotten_through()));
        Some(Capture {
            rooms_floors: floors.collect(),
            roster: Arc::clone(self),
            revision: self.applied(),
            journal_time: self.progress.journal_time(),
            received_at: self.progress.received_at(),
            chain: self.chain.points(),
        })
    }
}

impl Capture {
    /// The epoch of the journal that the roster follows.
    pub fn epoch(&self) -> Epoch {
        self.roster.epoch
    }

    /// The last revision that the capture contains.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The latest blocks of the journal. The last one holds its revision.
    pub(crate) fn chain(&self) -> &ChainPoints {
        &self.chain
    }

    /// The journal's time at that revision: that of the latest tick; `None` before the first.
    pub(crate) fn journal_time(&self) -> Option<Time> {
        self.journal_time
    }

    /// When the last entry was received.
    pub(crate) fn received_at(&self) -> Time {
        self.received_at
    }

    /// Hands every subject to `recorder`. Returns the totals of each app, in the order of the
    /// apps' names. This blocks until all subjects are read, so it is for a separate thread. No
    /// other thread waits for it.
    ///
    /// # Errors
    /// The error of `recorder`, if it fails.
    pub(crate) fn read(self, recorder: &mut dyn Recorder) -> io::Result<Vec<AppTotals>> {
        let mut apps = Vec::new();
        for (name, App { rooms, users }) in &self.roster.apps {
            let rooms = self.read_table(recorder, name, rooms.table())?;
            let users = self.read_table(recorder, name, users.table())?;
            apps.push(AppTotals {
                app: name.clone(),
                rooms: rooms.subjects,
                users: users.subjects,
                rooms_floor: self.rooms_floor(name).max(rooms.floor),
                // No history of the users who were not captured is kept.
                users_floor: self.revision,
            });
        }
        // The roster has its apps in no order, but equal states have to give equal
        // checkpoints.
        apps.sort_unstable_by(|a, b| a.app.cmp(&b.app));
        Ok(apps)
    }

    fn read_table<S: Recordable>(
        &self,
        recorder: &mut dyn Recorder,
        app: &AppName,
        table: &Table<S>,
    ) -> io::Result<TableTotals> {
        let mut done = TableTotals::default();
        let mut record = |(id, captured): (S::Id, Captured<S>)| {
            if S::record(recorder, app, &id, &captured)? {
                done.subjects += 1;
            } else {
                done.floor = captured.recent.floor.max(done.floor);
            }
            io::Result::Ok(())
        };
        for (id, cell) in table.cells() {
            let captured = table.capture().take(&mut cell.state.lock());
            captured
                .map(|captured| record((id, captured)))
                .transpose()?;
            // The kept copies take memory, so they are handed over early.
            let kept = table.capture().take_kept();
            kept.into_iter().try_for_each(&mut record)?;
        }
        let kept = table.capture().take_kept();
        kept.into_iter().try_for_each(&mut record)?;
        // Entries after the capture's revision are applied again, so no change after it is
        // missing.
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
            rooms.table().capture().end();
            users.table().capture().end();
        }
        self.roster.is_capturing.store(false, Ordering::Release);
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
    // Every user in the table is recorded. At the least, the revision from which on a watch of
    // the user can resume is remembered.
    fn record(
        recorder: &mut dyn Recorder,
        app: &AppName,
        id: &UserId,
        user: &Captured<Self>,
    ) -> io::Result<bool> {
        recorder.user(app, id, user).map(|()| true)
    }
}
