//! Makes the records of a captured roster.

use std::io;

use prost::Message as _;

use super::{
    store::RecordSink,
    subjects::{room_records, user_record},
};
use crate::{
    domain::{AppName, RoomId, Time, UserId},
    journal::Revision,
    reconcile::{room::Room, user::User},
    roster::{Capture, Captured, Recorder},
    stored::{self, record::Kind},
};

/// What a checkpoint holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Rooms of which something is remembered.
    pub rooms: u64,
    /// Users about whom the roster remembers more than the rooms that they are in.
    pub users: u64,
}

/// Hands the records of a capture to `sink`, each as opaque bytes. [`read`](super::read())
/// takes them in the same order. Blocks, so it needs a thread of its own.
///
/// # Errors
/// When `sink` fails, with its error. The records until then are not a checkpoint.
pub fn write(capture: Capture, sink: RecordSink<'_>) -> io::Result<Stats> {
    let revision = capture.revision();
    let chain = capture.chain();
    let header = stored::Header {
        epoch: capture.epoch().0,
        revision,
        journal_time: capture.journal_time().unwrap_or(Time::MIN).as_millis(),
        received_at: capture.received_at().as_millis(),
        chain_revisions: chain.blocks.iter().map(|(last, _)| *last).collect(),
        chain_hashes: chain.blocks.iter().map(|(_, hash)| hash.number()).collect(),
        chain_after: chain.after,
    };
    put(sink, Kind::Header(header))?;
    let apps = capture.read(&mut Records { sink, revision })?;
    let stats = Stats {
        rooms: apps.iter().map(|app| app.rooms).sum(),
        users: apps.iter().map(|app| app.users).sum(),
    };
    let floors = apps.into_iter().map(|app| stored::Floors {
        app: app.app.as_str().to_owned(),
        rooms: app.rooms_floor,
        users: app.users_floor,
    });
    let end = stored::End {
        rooms: stats.rooms,
        users: stats.users,
        floors: floors.collect(),
    };
    put(sink, Kind::End(end))?;
    Ok(stats)
}

/// Makes a record of each room and user.
struct Records<'a> {
    sink: RecordSink<'a>,
    revision: Revision,
}

impl Recorder for Records<'_> {
    fn room(&mut self, app: &AppName, id: &RoomId, room: &Captured<Room>) -> io::Result<()> {
        let mut records = room_records(app, id, room, self.revision);
        records.try_for_each(|record| put(self.sink, record))
    }

    fn user(&mut self, app: &AppName, id: &UserId, user: &Captured<User>) -> io::Result<()> {
        let record = user_record(app, id, user, self.revision);
        put(self.sink, Kind::User(record))
    }
}

fn put(sink: RecordSink<'_>, kind: Kind) -> io::Result<()> {
    let record = stored::Record { kind: Some(kind) };
    sink(record.encode_to_vec().into())
}
