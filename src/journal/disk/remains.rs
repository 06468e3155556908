//! What is left of a damaged segment: every block whose bytes are whole, wherever in the file it
//! is. The store keeps each block in one piece.

use std::{io, ops::Range};

use redb::StorageBackend as _;

use super::segment::{SegmentName, Visit};
use crate::journal::{
    Revision, StoreError,
    codec::{self, Found},
    folder::{Files, Mode, OpenFile},
};

/// Bytes that are lost together where the disk cannot read.
const PIECE_BYTES: usize = 4096;

/// A damaged segment. It is in memory as a whole: a segment has few more bytes than the limit.
pub(super) struct Remains {
    bytes: Vec<u8>,
    /// In the order of their revisions.
    blocks: Vec<Found>,
}

impl Remains {
    /// Reads what is left of a segment.
    pub(super) fn read(files: &dyn Files, name: SegmentName) -> Result<Self, StoreError> {
        let file = name.to_string();
        let bytes = files
            .open(&file, Mode::Existing)
            .and_then(|file| read_pieces(&file))
            .map_err(|error| StoreError::failed(&file, error))?;
        let blocks = codec::find_blocks(&bytes);
        Ok(Self { bytes, blocks })
    }

    /// Reads the blocks as [`Segment::blocks`](super::segment::Segment::blocks) does.
    pub(super) fn blocks(&self, from: Revision, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let holding = self.blocks.partition_point(|block| block.first <= from);
        for block in &self.blocks[holding.saturating_sub(1)..] {
            if !visit(block.first, &self.bytes[block.frame.clone()])? {
                break;
            }
        }
        Ok(())
    }
}

/// The bytes of a file, with zeros where it cannot be read.
fn read_pieces(file: &OpenFile) -> io::Result<Vec<u8>> {
    let length = file.len()?;
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    for at in (0..bytes.len()).step_by(PIECE_BYTES) {
        let piece: Range<usize> = at..bytes.len().min(at + PIECE_BYTES);
        if file.read(at as u64, &mut bytes[piece.clone()]).is_err() {
            bytes[piece].fill(0);
        }
    }
    Ok(bytes)
}
