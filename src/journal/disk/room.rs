//! How much room the log has for entries, in a folder whose space is limited.
//!
//! Some space is left to checkpoints, because only a checkpoint lets entries be dropped. When the
//! rest becomes little, entries that a checkpoint covers are dropped before they are old. When
//! there is none, entries are refused, as they are by a full disk.

use std::{io, sync::Arc};

use super::segment::SegmentName;
use crate::journal::{Room, StoreError, folder::Space, io_kind};

/// Bytes in a segment before the next is begun. After a crash, a segment is checked as a
/// whole when it is opened: the limit bounds how long that takes. Old entries are dropped by
/// whole segments.
const SEGMENT_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// In a small folder a segment is the space divided by this, so that little history is dropped
/// with one.
const SEGMENTS_MIN: u64 = 32;

/// Bytes of queries and bodies made durable together: with more, the first entry waits long for
/// the last. A single entry may be longer.
const BATCH_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// In a small folder, they are the space divided by this.
const BATCHES_MIN: u64 = 64;

/// The part of the space that is left to checkpoints, at least: it is divided by this.
const CHECKPOINT_SHARES: u64 = 8;
/// A checkpoint may be so many times as long as the longest that there is.
const CHECKPOINT_GROWTH: u64 = 2;
const CHECKPOINT_SUFFIX: &str = ".checkpoint";
/// How a checkpoint is called that is not written to its end.
const GROWING_SUFFIX: &str = ".checkpoint.new";

/// What a block takes at most, for each of its bytes: the store rounds its length up to a power
/// of two, and makes the file longer by twice of that, or twice as long.
const BLOCK_COST: u64 = 4;

/// The room of a log.
#[derive(Debug)]
pub(super) struct LogRoom {
    space: Arc<Space>,
    /// What is left to checkpoints.
    reserve: u64,
    /// What the last entries needed, if they were refused. Others are refused too until there is so
    /// much room, and room for a segment. Without that, short ones would be taken in between long
    /// ones that are not, and the journal seem to fail and to recover all the time.
    needed: Option<u64>,
    /// Whether the disk had no room for the last write.
    is_refused: bool,
}

impl LogRoom {
    pub(super) fn new(space: Arc<Space>) -> Self {
        let mut room = Self {
            space,
            reserve: 0,
            needed: None,
            is_refused: false,
        };
        room.note_checkpoint();
        room
    }

    /// Bytes in a segment before the next is begun.
    pub(super) fn segment_bytes_max(&self) -> u64 {
        SEGMENT_BYTES_MAX.min(self.space.bytes_max() / SEGMENTS_MIN)
    }

    /// Bytes of queries and bodies made durable together.
    pub(super) fn batch_bytes_max(&self) -> usize {
        let bytes = BATCH_BYTES_MAX.min(self.space.bytes_max() / BATCHES_MIN);
        bytes as usize
    }

    pub(super) fn space(&self) -> &Space {
        &self.space
    }

    /// Looks how long checkpoints are.
    pub(super) fn note_checkpoint(&mut self) {
        let longest = self.space.largest(CHECKPOINT_SUFFIX);
        let next = longest.saturating_mul(CHECKPOINT_GROWTH);
        self.reserve = next.max(self.space.bytes_max() / CHECKPOINT_SHARES);
    }

    /// Checks that there is room for a block, before it is written to a segment: a write that fails
    /// in its middle costs a segment.
    pub(super) fn check(
        &mut self,
        block_bytes: usize,
        segment: Option<SegmentName>,
    ) -> Result<(), StoreError> {
        let block = (block_bytes as u64).saturating_mul(BLOCK_COST);
        let segment = segment.map_or(0, |name| self.space.length(&name.to_string()));
        let needed = block.max(segment);
        if !self.is_full() && self.has(needed) {
            self.needed = None;
            return Ok(());
        }
        self.needed = self.needed.max(Some(needed));
        let reached = self.space.reached();
        Err(StoreError::failed("no room for entries", reached))
    }

    /// Notes how a write ended.
    pub(super) fn note<T>(&mut self, written: &Result<T, StoreError>) {
        let is_refusal = |kind| {
            matches!(
                kind,
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            )
        };
        let kind = written.as_ref().err().and_then(|error| io_kind(error));
        self.is_refused = kind.is_some_and(is_refusal);
    }

    /// Notes that space was given back to the disk, which may have room again.
    pub(super) fn note_dropped(&mut self) {
        self.is_refused = false;
    }

    /// How much room there is.
    pub(super) fn left(&self) -> Room {
        if self.is_refused || self.is_full() {
            Room::None
        } else if self.bytes() > self.segments_max() / 4 * 3 {
            Room::Little
        } else {
            Room::Enough
        }
    }

    fn is_full(&self) -> bool {
        let needed = self.needed.map(|it| it.max(self.segment_bytes_max()));
        needed.is_some_and(|needed| !self.has(needed))
    }

    fn has(&self, bytes: u64) -> bool {
        self.bytes().saturating_add(bytes) <= self.segments_max()
    }

    /// What entries and whole checkpoints take. One that is being written takes of what is left to
    /// it.
    fn bytes(&self) -> u64 {
        let growing = self.space.largest(GROWING_SUFFIX);
        self.space.bytes().saturating_sub(growing.min(self.reserve))
    }

    /// What the folder may take before entries are refused.
    fn segments_max(&self) -> u64 {
        self.space.bytes_max().saturating_sub(self.reserve)
    }
}
