//! The segment that is written to.

use std::time::Instant;

use super::Log;
use crate::{
    domain::Time,
    journal::{
        StoreError,
        disk::segment::{Segment, SegmentName},
        folder::write_identity,
    },
};

impl Log {
    /// Closes the segment that is written to. Its store makes the file shorter then.
    pub(super) fn close(&mut self) {
        self.current = None;
        self.written = None;
    }

    pub(super) fn write(&mut self, block: &[u8], now: Time) -> Result<(), StoreError> {
        let current = match self.current.take() {
            Some(current) if current.bytes() < self.room.segment_bytes_max() => Ok(current),
            _ => self.begin(now),
        };
        // If this fails, the segment is not written to again: see the module `segment`.
        let mut current = current?;
        let began = Instant::now();
        current.append(self.next, block)?;
        self.sync_time.observe(began.elapsed());
        self.current = Some(current);
        Ok(())
    }

    /// Begins a segment, and lets the folder name it before an entry is in it: from then on it is
    /// noticed if the segment is missing.
    pub(super) fn begin(&mut self, now: Time) -> Result<Segment, StoreError> {
        let segment = match self.unnamed.take() {
            Some(segment) => segment,
            None => self.create(now)?,
        };
        self.identity.begun = Some(segment.name().to_string());
        if self.is_marked
            && let Err(error) = write_identity(&*self.files, &self.identity)
        {
            // The folder may name it all the same. So the next try has to begin this one.
            self.unnamed = Some(segment);
            return Err(error);
        }
        self.segments.push(segment.name());
        Ok(segment)
    }

    fn create(&mut self, now: Time) -> Result<Segment, StoreError> {
        // A segment whose creation failed may exist all the same. The new one is named later,
        // so that it counts.
        let first = self.next;
        let replaced = self.begun.filter(|begun| begun.first == first);
        let after = replaced.map(|begun| begun.created_at.saturating_add(SegmentName::RESOLUTION));
        let created_at = now.max(after.unwrap_or(now));
        let name = SegmentName { first, created_at };
        self.begun = Some(name);
        Segment::create(&*self.files, name, &self.identity)
    }
}
