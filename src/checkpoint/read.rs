//! Reads the records of a checkpoint into the image of a roster. It fails unless all records are
//! valid.

use std::{
    collections::{HashMap, hash_map},
    error::Error,
    hash::Hash,
};

use bytes::Bytes;
use prost::Message as _;

use crate::{
    domain::{AppName, RoomId, Time},
    journal::{ChainHash, Epoch},
    roster::{ChainPoints, Image},
    stored::{self, record::Kind},
};

use super::{
    records::{self, StoredError, ensure, known_time, required},
    subjects::{app_name, room_from, user_from},
};

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The records cannot be read.
    #[error("cannot read the checkpoint: {0}")]
    Read(Box<dyn Error + Send + Sync>),
    /// The checkpoint is of another journal.
    #[error("the checkpoint is of journal {0:?}")]
    Epoch(Epoch),
    /// A record is damaged, or says something impossible.
    #[error("record {record} of the checkpoint: {source}")]
    Record {
        /// Its number: 0, 1, 2 …
        record: u64,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Records are missing at the end.
    #[error("the checkpoint has no end")]
    Truncated,
}

/// Reads the records that [`write`](super::write()) made, in their order. `epoch` is that of the
/// journal.
///
/// # Errors
/// When a record cannot be read, is damaged, says something impossible, or is missing, and when
/// the checkpoint is of another journal.
pub fn read<E: Into<Box<dyn Error + Send + Sync>>>(
    epoch: Epoch,
    records: impl IntoIterator<Item = Result<Bytes, E>>,
) -> Result<Image, ReadError> {
    read_of(|found| found == epoch, records)
}

/// Reads as [`read`] does, a checkpoint of any epoch of which `is_known` says that the journal
/// has it or had it.
///
/// # Errors
/// As [`read`].
pub fn read_of<E: Into<Box<dyn Error + Send + Sync>>>(
    is_known: impl FnOnce(Epoch) -> bool,
    records: impl IntoIterator<Item = Result<Bytes, E>>,
) -> Result<Image, ReadError> {
    let mut records = records.into_iter().zip(0..);
    let (record, number) = records.next().ok_or(ReadError::Truncated)?;
    let mut image = begin(is_known, decode(record, number)?, number)?;
    let mut last_room = None;
    while let Some((record, number)) = records.next() {
        let kind = decode(record, number)?;
        let is_end = matches!(kind, Kind::End(_));
        add(&mut image, &mut last_room, kind).map_err(|error| wrong(number, error))?;
        if is_end {
            return match records.next() {
                Some((Err(error), _)) => Err(ReadError::Read(error.into())),
                Some((Ok(_), number)) => Err(wrong(number, misplaced())),
                None => Ok(image),
            };
        }
    }
    Err(ReadError::Truncated)
}

fn begin(
    is_known: impl FnOnce(Epoch) -> bool,
    first: Kind,
    number: u64,
) -> Result<Image, ReadError> {
    let Kind::Header(header) = first else {
        return Err(wrong(number, misplaced()));
    };
    if !is_known(Epoch(header.epoch)) {
        return Err(ReadError::Epoch(Epoch(header.epoch)));
    }
    from_header(&header).map_err(|error| wrong(number, error))
}

fn from_header(header: &stored::Header) -> Result<Image, StoredError> {
    let journal_time = known_time(header.journal_time, "Header.journal_time")?;
    Ok(Image {
        revision: header.revision,
        journal_time: Some(journal_time).filter(|at| *at > Time::MIN),
        // Earlier versions stored the greatest receive time as the journal's time.
        received_at: Time::from_millis(header.received_at).unwrap_or(journal_time),
        chain: chain(header)?,
        apps: HashMap::new(),
    })
}

fn chain(header: &stored::Header) -> Result<ChainPoints, StoredError> {
    let (revisions, hashes) = (&header.chain_revisions, &header.chain_hashes);
    let fits = revisions.len() == hashes.len();
    ensure(
        fits,
        "Header.chain_hashes",
        "are not as many as the revisions",
    )?;
    let ascends = revisions.is_sorted_by(|a, b| a < b)
        && revisions
            .first()
            .is_none_or(|first| *first > header.chain_after)
        && revisions.last().is_none_or(|last| *last >= header.revision);
    ensure(
        ascends,
        "Header.chain_revisions",
        "are not those up to the revision",
    )?;
    let hashes = hashes.iter().copied().map(ChainHash::from_number);
    Ok(ChainPoints {
        after: header.chain_after,
        blocks: revisions.iter().copied().zip(hashes).collect(),
    })
}

/// Adds what a record says. `last_room` is the room of the record before, if that is of one: the
/// record may have further users of it.
fn add(
    image: &mut Image,
    last_room: &mut Option<(AppName, RoomId)>,
    kind: Kind,
) -> Result<(), StoredError> {
    let of_room = last_room.take();
    match kind {
        Kind::Header(_) => Err(misplaced()),
        Kind::Room(room) => {
            let (app, id, room) = room_from(room, image.revision)?;
            *last_room = Some((app.clone(), id.clone()));
            let rooms = &mut image.apps.entry(app).or_default().rooms;
            insert(rooms, id, room, "Room.room_id")
        }
        Kind::RoomUsers(further) => {
            let (app, id) = required(of_room, "Room before RoomUsers")?;
            let rooms = image.apps.get_mut(&app).map(|app| &mut app.rooms);
            let room = rooms.and_then(|rooms| rooms.get_mut(&id));
            let room = &mut required(room, "Room before RoomUsers")?.subject;
            *last_room = Some((app, id));
            records::room_users::add_to(room, further)
        }
        Kind::User(user) => {
            let (app, id, user) = user_from(user, image.revision)?;
            let users = &mut image.apps.entry(app).or_default().users;
            insert(users, id, user, "User.user_id")
        }
        Kind::End(record) => end(image, record),
    }
}

fn end(image: &mut Image, end: stored::End) -> Result<(), StoredError> {
    let rooms: usize = image.apps.values().map(|app| app.rooms.len()).sum();
    let users: usize = image.apps.values().map(|app| app.users.len()).sum();
    let is_all = |stored: u64, read: usize| stored == read as u64;
    ensure(
        is_all(end.rooms, rooms),
        "End.rooms",
        "is not how many there are",
    )?;
    ensure(
        is_all(end.users, users),
        "End.users",
        "is not how many there are",
    )?;
    let mut floors = HashMap::new();
    for stored::Floors { app, rooms, users } in end.floors {
        let fits = rooms.max(users) <= image.revision;
        ensure(fits, "Floors", "are after the checkpoint")?;
        insert(&mut floors, app_name(&app)?, (rooms, users), "Floors.app")?;
    }
    for (name, app) in &mut image.apps {
        let floors = floors.remove(name);
        (app.rooms_floor, app.users_floor) = required(floors, "End.floors")?;
    }
    // Apps without rooms and users have only floors.
    for (name, (rooms_floor, users_floor)) in floors {
        let app = image.apps.entry(name).or_default();
        (app.rooms_floor, app.users_floor) = (rooms_floor, users_floor);
    }
    Ok(())
}

fn decode<E: Into<Box<dyn Error + Send + Sync>>>(
    record: Result<Bytes, E>,
    number: u64,
) -> Result<Kind, ReadError> {
    let record = record.map_err(|error| ReadError::Read(error.into()))?;
    let record = stored::Record::decode(record).map_err(|error| wrong(number, error))?;
    required(record.kind, "Record.kind").map_err(|error| wrong(number, error))
}

fn insert<K: Eq + Hash, V>(
    map: &mut HashMap<K, V>,
    key: K,
    value: V,
    field: &'static str,
) -> Result<(), StoredError> {
    match map.entry(key) {
        hash_map::Entry::Occupied(_) => Err(StoredError::new(field, "is there twice")),
        hash_map::Entry::Vacant(entry) => {
            entry.insert(value);
            Ok(())
        }
    }
}

fn wrong(record: u64, source: impl Into<Box<dyn Error + Send + Sync>>) -> ReadError {
    let source = source.into();
    ReadError::Record { record, source }
}

fn misplaced() -> StoredError {
    StoredError::new("Record.kind", "is out of place")
}
