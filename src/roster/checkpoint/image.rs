//! A checkpoint that was read: whole, or not at all.

use std::{
    collections::{HashMap, hash_map},
    error::Error,
    hash::Hash,
};

use bytes::Bytes;
use prost::Message as _;

use crate::{
    domain::{AppName, RoomId, Time, UserId},
    journal::{Epoch, Revision},
    reconcile::room::Room,
    reconcile::user::User,
    stored::{self, StoredError, ensure, known_time, record::Kind, required},
};

use super::{past::Past, record::app_name};

/// A roster as a checkpoint has it, to be [installed](crate::roster::Applier::install).
#[derive(Debug)]
pub struct Image {
    pub(super) revision: Revision,
    pub(super) journal_time: Time,
    pub(super) apps: HashMap<AppName, AppImage>,
}

/// What there is of one app.
#[derive(Debug, Default)]
pub(super) struct AppImage {
    pub(super) rooms: HashMap<RoomId, Past<Room>>,
    pub(super) users: HashMap<UserId, Past<User>>,
    pub(super) rooms_floor: Revision,
    pub(super) users_floor: Revision,
}

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The records cannot be got at.
    #[error("cannot read the checkpoint: {0}")]
    Read(Box<dyn Error + Send + Sync>),
    /// The checkpoint is of another journal.
    #[error("the checkpoint is of journal {0:?}")]
    Epoch(Epoch),
    /// A record is damaged, or says what cannot be.
    #[error("record {record} of the checkpoint: {source}")]
    Record {
        /// Which one: 0, 1, 2 …
        record: u64,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Records are missing at the end.
    #[error("the checkpoint has no end")]
    Truncated,
}

impl Image {
    /// Reads the records that a [`Capture`](super::Capture) wrote, in their order.
    /// `epoch` is that of the journal.
    ///
    /// # Errors
    /// When a record cannot be got, is damaged, says what cannot be, or is missing,
    /// and when the checkpoint is of another journal.
    pub fn read<E: Into<Box<dyn Error + Send + Sync>>>(
        epoch: Epoch,
        records: impl IntoIterator<Item = Result<Bytes, E>>,
    ) -> Result<Image, ImageError> {
        let mut records = records.into_iter().zip(0..);
        let (record, number) = records.next().ok_or(ImageError::Truncated)?;
        let mut image = Image::begin(epoch, decode(record, number)?, number)?;
        while let Some((record, number)) = records.next() {
            let kind = decode(record, number)?;
            let is_end = matches!(kind, Kind::End(_));
            image.add(kind).map_err(|error| wrong(number, error))?;
            if is_end {
                return match records.next() {
                    Some((Err(error), _)) => Err(ImageError::Read(error.into())),
                    Some((Ok(_), number)) => Err(wrong(number, misplaced())),
                    None => Ok(image),
                };
            }
        }
        Err(ImageError::Truncated)
    }

    /// The last revision whose entry is in it.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The apps that anything is in it of, in no order.
    pub fn apps(&self) -> impl ExactSizeIterator<Item = &AppName> {
        self.apps.keys()
    }

    fn begin(epoch: Epoch, first: Kind, number: u64) -> Result<Image, ImageError> {
        let Kind::Header(header) = first else {
            return Err(wrong(number, misplaced()));
        };
        if header.epoch != epoch.0 {
            return Err(ImageError::Epoch(Epoch(header.epoch)));
        }
        let journal_time = known_time(header.journal_time, "Header.journal_time");
        Ok(Image {
            revision: header.revision,
            journal_time: journal_time.map_err(|error| wrong(number, error))?,
            apps: HashMap::new(),
        })
    }

    fn add(&mut self, kind: Kind) -> Result<(), StoredError> {
        match kind {
            Kind::Header(_) => Err(misplaced()),
            Kind::Room(room) => {
                let (app, id, room) = Past::<Room>::from_stored(room, self.revision)?;
                let rooms = &mut self.apps.entry(app).or_default().rooms;
                insert(rooms, id, room, "Room.room_id")
            }
            Kind::User(user) => {
                let (app, id, user) = Past::<User>::from_stored(user, self.revision)?;
                let users = &mut self.apps.entry(app).or_default().users;
                insert(users, id, user, "User.user_id")
            }
            Kind::End(end) => self.end(end),
        }
    }

    fn end(&mut self, end: stored::End) -> Result<(), StoredError> {
        let apps = self.apps.values();
        let (rooms, users) = apps.fold((0, 0), |(rooms, users), app| {
            (
                rooms + app.rooms.len() as u64,
                users + app.users.len() as u64,
            )
        });
        ensure(end.rooms == rooms, "End.rooms", "is not how many there are")?;
        ensure(end.users == users, "End.users", "is not how many there are")?;
        let mut floors = HashMap::new();
        for stored::Floors { app, rooms, users } in end.floors {
            let fits = rooms.max(users) <= self.revision;
            ensure(fits, "Floors", "are after the checkpoint")?;
            insert(&mut floors, app_name(&app)?, (rooms, users), "Floors.app")?;
        }
        for (name, app) in &mut self.apps {
            let floors = floors.remove(name);
            (app.rooms_floor, app.users_floor) = required(floors, "End.floors")?;
        }
        // Of the other apps there is nothing but their floors.
        for (name, (rooms_floor, users_floor)) in floors {
            let app = self.apps.entry(name).or_default();
            (app.rooms_floor, app.users_floor) = (rooms_floor, users_floor);
        }
        Ok(())
    }
}

fn decode<E: Into<Box<dyn Error + Send + Sync>>>(
    record: Result<Bytes, E>,
    number: u64,
) -> Result<Kind, ImageError> {
    let record = record.map_err(|error| ImageError::Read(error.into()))?;
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

fn wrong(record: u64, source: impl Into<Box<dyn Error + Send + Sync>>) -> ImageError {
    let source = source.into();
    ImageError::Record { record, source }
}

fn misplaced() -> StoredError {
    StoredError::new("Record.kind", "is out of place")
}
