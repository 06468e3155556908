//! A capture: goes through the roster while it changes.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use prost::Message as _;

use crate::{
    domain::{AppName, Time},
    journal::Revision,
    roster::{App, Roster, subject::table::Table},
    stored::{self, record::Kind},
};

use super::record::Recorded;

/// The roster as it was at one revision, being taken. Until it is written or
/// dropped, whoever changes something keeps what was.
#[derive(Debug)]
#[must_use = "what was is kept until it is written or dropped"]
pub struct Capture {
    roster: Arc<Roster>,
    revision: Revision,
    journal_time: Time,
    /// The latest revision at which a room of each app was forgotten.
    rooms_floors: HashMap<AppName, Revision>,
}

/// What a capture wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureStats {
    /// Rooms of which something is remembered.
    pub rooms: u64,
    /// Users of whom more is remembered than the rooms that they are in.
    pub users: u64,
}

/// What was written of one table.
#[derive(Debug, Default)]
struct Written {
    subjects: u64,
    /// From where on what is not written can be followed.
    floor: Revision,
}

type Sink<'a> = &'a mut dyn FnMut(Bytes) -> io::Result<()>;

impl Roster {
    /// Begins to capture the roster as it is now. `None` if that cannot be now, as
    /// another capture is under way, or users are still being told that a life of
    /// a room is over: soon it can.
    pub fn begin_checkpoint(self: &Arc<Self>) -> Option<Capture> {
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
    /// The last revision whose entry is in it.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Hands the records to `sink`, each as opaque bytes, to be
    /// [read](super::Image::read) in the same order. Blocks for as long as that
    /// takes, so it is for a thread of its own; nothing else waits for it.
    ///
    /// # Errors
    /// When `sink` fails: with its error. What it got by then is of no use.
    pub fn write(self, sink: Sink<'_>) -> io::Result<CaptureStats> {
        let header = stored::Header {
            epoch: self.roster.epoch.0,
            revision: self.revision,
            journal_time: self.journal_time.as_millis(),
        };
        put(sink, Kind::Header(header))?;
        let mut stats = CaptureStats::default();
        let mut floors = Vec::new();
        for (name, App { rooms, users }) in &self.roster.apps {
            let rooms = self.write_table(sink, name, rooms.table())?;
            stats.rooms += rooms.subjects;
            stats.users += self.write_table(sink, name, users.table())?.subjects;
            floors.push(stored::Floors {
                app: name.as_str().to_owned(),
                rooms: self.rooms_floor(name).max(rooms.floor),
                // What happened to those who are not written nobody remembers.
                users: self.revision,
            });
        }
        // The apps are in no order, but one state is to have one spelling.
        floors.sort_unstable_by(|a, b| a.app.cmp(&b.app));
        let CaptureStats { rooms, users } = stats;
        let end = stored::End {
            rooms,
            users,
            floors,
        };
        put(sink, Kind::End(end))?;
        Ok(stats)
    }

    fn write_table<S: Recorded>(
        &self,
        sink: Sink<'_>,
        app: &AppName,
        table: &Table<S>,
    ) -> io::Result<Written> {
        let mut written = Written::default();
        let mut write = |(id, past)| match S::record(app, &id, &past, self.revision) {
            Some(record) => {
                written.subjects += 1;
                put(sink, record)
            }
            None => {
                written.floor = past.recent.floor.max(written.floor);
                Ok(())
            }
        };
        for (id, cell) in table.cells() {
            let past = table.capturing().take(&mut cell.state.lock());
            past.map(|past| write((id, past))).transpose()?;
            // Not left for the end: it is memory.
            table
                .capturing()
                .take_kept()
                .into_iter()
                .try_for_each(&mut write)?;
        }
        table
            .capturing()
            .take_kept()
            .into_iter()
            .try_for_each(&mut write)?;
        // After the capture's revision nothing is missing: those entries are applied
        // again.
        written.floor = written.floor.min(self.revision);
        Ok(written)
    }

    fn rooms_floor(&self, app: &AppName) -> Revision {
        self.rooms_floors.get(app).copied().unwrap_or_default()
    }
}

fn put(sink: Sink<'_>, kind: Kind) -> io::Result<()> {
    let record = stored::Record { kind: Some(kind) };
    sink(record.encode_to_vec().into())
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
