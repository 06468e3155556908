//! A file of records. It does not know what is in a record.
//!
//! A file is a sequence of chunks. A chunk is the length of a frame as four bytes,
//! little-endian, and the frame. The contents of all frames together are the records, each
//! after its length as a varint. A record may be longer than a chunk.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use prost::encoding::{decode_varint, encode_varint, encoded_len_varint};
use redb::StorageBackend as _;

use crate::journal::{StoreError, codec::frame, folder::OpenFile};

/// Bytes of records in a chunk. So many compress well, and take little memory.
const CHUNK_BYTES: usize = 256 * 1024;

/// Bytes that the length of a record takes at most.
const LENGTH_BYTES_MAX: usize = 10;

/// Writes records to a file, a chunk at a time.
pub(super) struct RecordWriter {
    file: OpenFile,
    at: u64,
    chunk: BytesMut,
}

impl RecordWriter {
    pub(super) fn new(file: OpenFile) -> Self {
        Self {
            file,
            at: 0,
            chunk: BytesMut::new(),
        }
    }

    pub(super) fn add(&mut self, record: &[u8]) -> io::Result<()> {
        encode_varint(record.len() as u64, &mut self.chunk);
        let mut left = record;
        // Piece by piece, so that a long record is not copied as a whole.
        while !left.is_empty() {
            let free = CHUNK_BYTES.saturating_sub(self.chunk.len());
            let (piece, rest) = left.split_at(free.min(left.len()));
            self.chunk.extend_from_slice(piece);
            left = rest;
            if self.chunk.len() >= CHUNK_BYTES {
                let chunk = self.chunk.split();
                self.flush(&chunk)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self, chunk: &[u8]) -> io::Result<()> {
        let frame = frame::encode(chunk);
        let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
        let bytes = [&length.to_le_bytes()[..], &frame].concat();
        let end = self.at + bytes.len() as u64;
        self.file.set_len(end)?;
        self.file.write(self.at, &bytes)?;
        self.at = end;
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        let rest = self.chunk.split();
        if !rest.is_empty() {
            self.flush(&rest)?;
        }
        self.file.sync_data()?;
        self.file.close()
    }
}

/// Reads the records of a file. It ends with the first error.
#[derive(Debug)]
pub(super) struct RecordReader {
    /// The file's name, for errors.
    name: String,
    file: OpenFile,
    length: u64,
    at: u64,
    /// Bytes of records that were read and not handed over yet.
    left: BytesMut,
}

impl RecordReader {
    pub(super) fn new(name: String, file: OpenFile) -> io::Result<Self> {
        let length = file.len()?;
        Ok(Self {
            name,
            file,
            length,
            at: 0,
            left: BytesMut::new(),
        })
    }

    fn read(&mut self) -> Result<Option<Bytes>, StoreError> {
        if self.left.is_empty() && self.at == self.length {
            return Ok(None);
        }
        let length = loop {
            match decode_varint(&mut &*self.left) {
                Ok(length) => break length,
                // The length may go on in the next chunk.
                Err(_) if self.left.len() < LENGTH_BYTES_MAX => self.read_chunk()?,
                Err(error) => return Err(self.damaged(&error.to_string())),
            }
        };
        self.left.advance(encoded_len_varint(length));
        while (self.left.len() as u64) < length {
            self.read_chunk()?;
        }
        // The loop has read at least so many bytes.
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
        let read = self.file.read(self.at, out);
        read.map_err(|error| StoreError::failed(&self.name, error))?;
        self.at += out.len() as u64;
        Ok(())
    }

    fn damaged(&self, reason: &str) -> StoreError {
        StoreError::Damaged {
            file: self.name.clone(),
            reason: format!("at byte {}: {reason}", self.at),
        }
    }
}

impl Iterator for RecordReader {
    type Item = Result<Bytes, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.read().transpose();
        if matches!(record, Some(Err(_))) {
            // It is unknown where the next record begins.
            (self.at, self.left) = (self.length, BytesMut::new());
        }
        record
    }
}
