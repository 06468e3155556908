//! Whether the folder and its last segment are still what the next start will find.

use super::Log;
use crate::journal::{StoreError, disk::segment::SegmentName, folder::Look};

/// What is told of a segment that somebody else changed.
const CHANGED: &str = "it was replaced or cut while the service writes to it: put it back, or stop the service and start it on what is left";

impl Log {
    /// Checks that the folder and the last segment are still where the next start looks for them,
    /// and that nobody else replaced the segment or cut it since the last write.
    pub(in crate::journal::disk) fn check_place(&self) -> Result<(), StoreError> {
        let now = self.look_at_last()?;
        self.check_against_last_write(now, |now, before| now == before)
    }

    /// Checks the same after a write, which may make the segment longer or shorter, and remembers
    /// what the segment is now.
    pub(super) fn note_place(&mut self) -> Result<(), StoreError> {
        let now = self.look_at_last()?;
        self.check_against_last_write(now, Look::is_of_same_file)?;
        self.written = now;
        Ok(())
    }

    fn look_at_last(&self) -> Result<Option<(SegmentName, Look)>, StoreError> {
        let last = self.segments.last();
        let file = last.map(SegmentName::to_string);
        let place = self.files.check(file.as_deref());
        place.map_err(|error| StoreError::failed("the data folder", error))?;
        let (Some(name), Some(file)) = (last, file) else {
            return Ok(None);
        };
        let look = self.files.look_at(&file);
        let look = look.map_err(|error| StoreError::failed(&file, error))?;
        Ok(Some((*name, look)))
    }

    fn check_against_last_write(
        &self,
        now: Option<(SegmentName, Look)>,
        is_fine: impl Fn(Look, Look) -> bool,
    ) -> Result<(), StoreError> {
        match (now, self.written) {
            (Some((name, now)), Some((written, before)))
                if name == written && !is_fine(now, before) =>
            {
                Err(StoreError::Damaged {
                    file: name.to_string(),
                    reason: CHANGED.to_owned(),
                })
            }
            _ => Ok(()),
        }
    }
}
