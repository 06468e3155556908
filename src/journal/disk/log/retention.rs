//! Drops segments that are no longer needed: because they are old, or because there is no room.

use super::Log;
use crate::{
    domain::Time,
    journal::{Dropped, Revision, Room, StoreError, folder::SET_ASIDE},
};

impl Log {
    /// Drops whole segments whose entries are below the revision `first`, the oldest first: those
    /// that were received before `until`, and others for as long as there is little room. Of a
    /// disk that refused a write, nothing tells how much room it lacks: then it drops one of the
    /// others, and the next write tells.
    ///
    /// # Errors
    /// When a segment cannot be removed. Those before it are dropped then.
    pub(in crate::journal::disk) fn drop_before(
        &mut self,
        first: Revision,
        until: Time,
    ) -> Result<Dropped, StoreError> {
        let mut dropped = Dropped::default();
        let ended = loop {
            let is_old = self.is_covered(first) && self.is_first_old(until);
            let is_early = !is_old && self.is_covered(first) && self.room.left() != Room::Enough;
            if !is_old && !is_early {
                break Ok(());
            }
            if let Err(error) = self.drop_first() {
                break Err(error);
            }
            dropped.segments += 1;
            dropped.early += usize::from(is_early);
            self.room.note_dropped();
        };
        // It is written with the next segment. No reader begins before a checkpoint at `first`,
        // nor before the first segment.
        let segments = &self.segments;
        let is_kept = |file: &str| segments.iter().any(|name| name.to_string() == file);
        let needed = first.min(self.first());
        self.identity.forget_before(needed, is_kept);
        if dropped.segments > 0 {
            // If only some of the removed files came back after a power cut, entries between
            // them would be missing.
            self.files.sync().map_err(StoreError::folder)?;
        }
        ended.map(|()| dropped)
    }

    /// Whether all entries of the first segment are below a revision. The last segment stays.
    fn is_covered(&self, first: Revision) -> bool {
        self.segments.get(1).is_some_and(|next| next.first <= first)
    }

    /// Whether all entries of the first segment were received before a time. They were received
    /// before each later segment was begun. One of those is enough, because the clock may have
    /// been wrong for the others.
    fn is_first_old(&self, until: Time) -> bool {
        let mut later = self.segments.iter().skip(1);
        later.any(|name| name.created_at <= until)
    }

    fn drop_first(&mut self) -> Result<(), StoreError> {
        let file = self.segments[0].to_string();
        let removed = match self.identity.is_damaged(&file) {
            // It is kept for an operator to look at, as a damaged checkpoint is.
            true => self.files.rename(&file, &format!("{file}{SET_ASIDE}")),
            false => self.files.remove(&file),
        };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreError::failed(&file, error))
            }
            _ => {
                // At once: if another cannot be removed, this one is gone all the same.
                self.segments.remove(0);
                Ok(())
            }
        }
    }
}
