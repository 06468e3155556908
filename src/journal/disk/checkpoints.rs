//! The checkpoints of a data folder: what the journal adds up to at some revision,
//! as a file of records that only their writer understands.
//!
//! A file is a row of chunks, each the length of a frame as four bytes, least
//! first, and the frame. What is in the frames is, one after the other, the records,
//! each after its length; one may be longer than a chunk.

use std::{fmt, io, sync::Arc};

use bytes::{Buf as _, Bytes, BytesMut};
use prost::encoding::{decode_varint, encode_varint, encoded_len_varint};
use redb::StorageBackend as _;

use super::{
    StoreError,
    files::{Disk, Files, Mode},
};
use crate::journal::{Revision, codec::frame};

/// Bytes of records in a chunk: enough to compress well, little to hold in
/// memory.
const CHUNK_BYTES: usize = 256 * 1024;

/// Bytes that the length of a record may take.
const LENGTH_BYTES_MAX: usize = 10;

const SUFFIX: &str = ".checkpoint";

/// What a checkpoint is called: the revision that it is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct CheckpointName(Revision);

impl CheckpointName {
    fn parse(name: &str) -> Option<Self> {
        name.strip_suffix(SUFFIX)?.parse().ok().map(Self)
    }
}

impl fmt::Display for CheckpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}{SUFFIX}", self.0)
    }
}

/// The checkpoints of a folder.
#[derive(Clone, Debug)]
pub(super) struct Checkpoints {
    files: Arc<dyn Files>,
}

impl Checkpoints {
    pub(super) fn new(files: Arc<dyn Files>) -> Self {
        Self { files }
    }

    /// The revisions that there are checkpoints at, the latest first.
    pub(super) fn revisions(&self) -> Result<Vec<Revision>, StoreError> {
        let names = self.files.list().map_err(StoreError::folder)?;
        let mut names: Vec<CheckpointName> = names
            .iter()
            .filter_map(|name| CheckpointName::parse(name))
            .collect();
        names.sort_unstable_by(|a, b| b.cmp(a));
        Ok(names
            .into_iter()
            .map(|CheckpointName(revision)| revision)
            .collect())
    }

    /// Writes a checkpoint of the records that `produce` hands out. It is there, as
    /// a whole and durably, when this returns; when it fails, it is not.
    pub(super) fn save(
        &self,
        revision: Revision,
        produce: impl FnOnce(&mut dyn FnMut(Bytes) -> io::Result<()>) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let file = CheckpointName(revision).to_string();
        let temporary = format!("{file}.new");
        let save = || -> io::Result<()> {
            let mut writer = Writer::new(self.files.open(&temporary, Mode::Create)?);
            produce(&mut |record| writer.add(&record))?;
            writer.finish()?;
            self.files.rename(&temporary, &file)?;
            self.files.sync()
        };
        let saved = save().map_err(|error| StoreError::failed(&file, error));
        if saved.is_err() {
            // Room may be what is missing. What cannot be removed is replaced later.
            let _ = self.files.remove(&temporary);
        }
        saved
    }

    /// What the file of a checkpoint is called.
    pub(super) fn file(revision: Revision) -> String {
        CheckpointName(revision).to_string()
    }

    /// The records of a checkpoint.
    pub(super) fn read(&self, revision: Revision) -> Result<Records, StoreError> {
        let file = CheckpointName(revision).to_string();
        let failed = |error| StoreError::failed(&file, error);
        let disk = self.files.open(&file, Mode::Existing).map_err(failed)?;
        let length = disk.len().map_err(failed)?;
        Ok(Records {
            file,
            disk,
            length,
            at: 0,
            left: BytesMut::new(),
        })
    }

    /// Gives a checkpoint that does not load another name, so that it no longer
    /// counts as one, and is there for who wants to know why.
    pub(super) fn set_aside(&self, revision: Revision) -> Result<(), StoreError> {
        let file = CheckpointName(revision).to_string();
        let renamed = self.files.rename(&file, &format!("{file}.damaged"));
        let done = renamed.and_then(|()| self.files.sync());
        done.map_err(|error| StoreError::failed(&file, error))
    }

    /// Removes all but the latest `keep`. Returns the oldest of those, if there are
    /// so many: what it covers is not needed any more.
    pub(super) fn prune(&self, keep: usize) -> Result<Option<Revision>, StoreError> {
        let revisions = self.revisions()?;
        for revision in revisions.iter().skip(keep) {
            let file = CheckpointName(*revision).to_string();
            let removed = self.files.remove(&file);
            removed.map_err(|error| StoreError::failed(&file, error))?;
        }
        self.files.sync().map_err(StoreError::folder)?;
        Ok(revisions.get(keep - 1).copied())
    }
}

/// Writes records to a file, a chunk at a time.
struct Writer {
    disk: Disk,
    at: u64,
    chunk: BytesMut,
}

impl Writer {
    fn new(disk: Disk) -> Self {
        Self {
            disk,
            at: 0,
            chunk: BytesMut::new(),
        }
    }

    fn add(&mut self, record: &[u8]) -> io::Result<()> {
        encode_varint(record.len() as u64, &mut self.chunk);
        self.chunk.extend_from_slice(record);
        while self.chunk.len() >= CHUNK_BYTES {
            let chunk = self.chunk.split_to(CHUNK_BYTES);
            self.flush(&chunk)?;
        }
        Ok(())
    }

    fn flush(&mut self, chunk: &[u8]) -> io::Result<()> {
        let frame = frame::encode(chunk);
        let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
        let bytes = [&length.to_le_bytes()[..], &frame].concat();
        let end = self.at + bytes.len() as u64;
        self.disk.set_len(end)?;
        self.disk.write(self.at, &bytes)?;
        self.at = end;
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        let rest = self.chunk.split();
        if !rest.is_empty() {
            self.flush(&rest)?;
        }
        self.disk.sync_data()?;
        self.disk.close()
    }
}

/// Reads the records of a checkpoint. Ends with the first error.
#[derive(Debug)]
pub struct Records {
    file: String,
    disk: Disk,
    length: u64,
    at: u64,
    /// Read, and not yet handed out.
    left: BytesMut,
}

impl Records {
    fn read(&mut self) -> Result<Option<Bytes>, StoreError> {
        if self.left.is_empty() && self.at == self.length {
            return Ok(None);
        }
        let length = loop {
            match decode_varint(&mut &*self.left) {
                Ok(length) => break length,
                // It may go on in the next chunk, but not for long.
                Err(_) if self.left.len() < LENGTH_BYTES_MAX => self.read_chunk()?,
                Err(error) => return Err(self.damaged(&error.to_string())),
            }
        };
        self.left.advance(encoded_len_varint(length));
        while (self.left.len() as u64) < length {
            self.read_chunk()?;
        }
        // Not longer than what is there.
        let record = self.left.split_to(length as usize);
        Ok(Some(record.freeze()))
    }

    fn read_chunk(&mut self) -> Result<(), StoreError> {
        let chunk = self.next_chunk()?;
        self.left.extend_from_slice(&chunk);
        Ok(())
    }

    fn next_chunk(&mut self) -> Result<Bytes, StoreError> {
        let left = self.length - self.at;
        let mut length = [0; 4];
        if left < length.len() as u64 {
            return Err(self.damaged("it is cut off"));
        }
        self.fill(&mut length)?;
        let length = u32::from_le_bytes(length);
        if u64::from(length) > self.length - self.at {
            return Err(self.damaged("it is cut off"));
        }
        let mut frame = vec![0; length as usize];
        self.fill(&mut frame)?;
        let chunk = frame::decode(&frame).map_err(|error| self.damaged(&error.to_string()))?;
        if chunk.is_empty() {
            return Err(self.damaged("a chunk is empty"));
        }
        Ok(chunk)
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<(), StoreError> {
        let read = self.disk.read(self.at, out);
        read.map_err(|error| StoreError::failed(&self.file, error))?;
        self.at += out.len() as u64;
        Ok(())
    }

    fn damaged(&self, reason: &str) -> StoreError {
        StoreError::Damaged {
            file: self.file.clone(),
            reason: format!("at byte {}: {reason}", self.at),
        }
    }
}

impl Iterator for Records {
    type Item = Result<Bytes, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.read().transpose();
        if matches!(record, Some(Err(_))) {
            // Nothing that follows can be made sense of.
            (self.at, self.left) = (self.length, BytesMut::new());
        }
        record
    }
}
