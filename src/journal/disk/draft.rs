//! Writes existing entries to a new data folder.

use std::{path::Path, sync::Arc};

use super::{
    log::Log,
    requests::{BATCH_MAX, weight},
};
use crate::{
    domain::Time,
    journal::{DataFolder, Entry, OpenError, Revision, StoreError},
};

/// A folder that entries are written to. It becomes a data folder when it is
/// [finished](Self::finish). Until then it cannot be opened, so that no server serves a part
/// of the entries.
#[derive(Debug)]
pub struct Draft {
    folder: DataFolder,
    log: Log,
    /// Entries that are not written yet.
    batch: Vec<Entry>,
    batch_bytes: usize,
}

impl Draft {
    /// Begins a folder whose first entry has the revision after `after`, under a new epoch.
    /// The folder has to be empty or not there.
    ///
    /// # Errors
    /// When it is not empty, or cannot be used.
    pub fn create(path: &Path, after: Revision) -> Result<Self, OpenError> {
        let folder = DataFolder::take_empty(path)?;
        let files = Arc::clone(folder.files());
        Ok(Self {
            log: Log::begin_after(files, folder.identity(), after),
            folder,
            batch: Vec::new(),
            batch_bytes: 0,
        })
    }

    /// The folder.
    pub fn folder(&self) -> &DataFolder {
        &self.folder
    }

    /// Adds an entry under the next revision.
    ///
    /// # Errors
    /// When it cannot be written. The folder cannot be finished then.
    pub fn push(&mut self, entry: Entry) -> Result<(), StoreError> {
        self.batch_bytes += weight(&entry);
        self.batch.push(entry);
        let bytes_max = self.log.room().batch_bytes_max();
        if self.batch.len() < BATCH_MAX && self.batch_bytes < bytes_max {
            return Ok(());
        }
        self.flush()
    }

    /// Makes the folder a data folder. Returns the revision of its last entry.
    ///
    /// # Errors
    /// When the last entries cannot be written.
    pub fn finish(mut self) -> Result<Revision, StoreError> {
        self.flush()?;
        // A folder without entries needs a segment too: its name says the next revision.
        self.log.try_to_write(Time::MIN)?;
        self.log.seal();
        self.log.mark()?;
        Ok(self.log.last())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        // The segment counts as begun when its entries were received, so that it is dropped
        // when the original would have been.
        let received_at = self.batch.iter().map(|entry| entry.received_at).max();
        let now = received_at.unwrap_or(Time::MIN);
        self.log.append(self.batch.iter(), now)?;
        self.batch.clear();
        self.batch_bytes = 0;
        Ok(())
    }
}
