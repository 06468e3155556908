//! Drops segments that are old and no longer needed.

use super::Log;
use crate::{
    domain::Time,
    journal::{Revision, StoreError, disk::segment::SegmentName, folder::SET_ASIDE},
};

impl Log {
    /// Drops whole segments whose entries are below the revision `first` and were received
    /// before `until`. Returns how many.
    pub(in crate::journal::disk) fn drop_before(
        &mut self,
        first: Revision,
        until: Time,
    ) -> Result<usize, StoreError> {
        // All entries of a segment were received before each later segment was begun. One of
        // those is enough, because the clock may have been wrong for the others.
        let is_old = |later: &[SegmentName]| later.iter().any(|name| name.created_at <= until);
        let is_covered =
            |later: &[SegmentName]| later.first().is_some_and(|next| next.first <= first);
        let later = (1..self.segments.len()).map(|at| &self.segments[at..]);
        let droppable = later.take_while(|later| is_covered(later) && is_old(later));
        let count = droppable.count();
        for _ in 0..count {
            let file = self.segments[0].to_string();
            let removed = match self.identity.is_damaged(&file) {
                // It is kept for an operator to look at, as a damaged checkpoint is.
                true => self.files.rename(&file, &format!("{file}{SET_ASIDE}")),
                false => self.files.remove(&file),
            };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::failed(&file, error));
                }
                _ => {}
            }
            // At once: if another cannot be removed, this one is gone all the same.
            self.segments.remove(0);
        }
        // It is written with the next segment. No reader begins before a checkpoint at `first`,
        // nor before the first segment.
        let segments = &self.segments;
        let is_kept = |file: &str| segments.iter().any(|name| name.to_string() == file);
        let needed = first.min(self.first());
        self.identity.forget_before(needed, is_kept);
        if count > 0 {
            // If only some of the removed files came back after a power cut, entries between
            // them would be missing.
            self.files.sync().map_err(StoreError::folder)?;
        }
        Ok(count)
    }
}
