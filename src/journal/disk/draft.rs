//! A data folder that is being made of entries that there were before.

use std::{path::Path, sync::Arc};

use super::{
    log::Log,
    writer::{BATCH_BYTES_MAX, BATCH_MAX, weight},
};
use crate::{
    domain::Time,
    journal::{DataFolder, Entry, OpenError, Revision, StoreError},
};

/// The entries of a folder that becomes a data folder when it is
/// [finished](Self::finish). Until then, whoever opens the folder is refused, so that
/// nobody serves what is half made.
#[derive(Debug)]
pub struct Draft {
    folder: DataFolder,
    log: Log,
    /// Not written yet.
    batch: Vec<Entry>,
    batch_bytes: usize,
}

impl Draft {
    /// Begins a folder whose first entry is the one after a revision, under an epoch
    /// of its own. The folder is not there, or empty.
    ///
    /// # Errors
    /// When it is not empty, or cannot be used.
    pub fn create(path: &Path, after: Revision) -> Result<Self, OpenError> {
        let folder = DataFolder::take_empty(path)?;
        let files = Arc::clone(folder.files());
        Ok(Self {
            log: Log::begin_after(files, folder.epoch(), after),
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
    /// When it cannot be written. The folder is of no use then.
    pub fn push(&mut self, entry: Entry) -> Result<(), StoreError> {
        self.batch_bytes += weight(&entry);
        self.batch.push(entry);
        if self.batch.len() < BATCH_MAX && self.batch_bytes < BATCH_BYTES_MAX {
            return Ok(());
        }
        self.flush()
    }

    /// Makes it a data folder. Returns the revision of its last entry.
    ///
    /// # Errors
    /// When what is left cannot be written.
    pub fn finish(mut self) -> Result<Revision, StoreError> {
        self.flush()?;
        // Where it goes on from, even if nothing is in it.
        self.log.try_to_write(Time::MIN)?;
        self.log.seal();
        self.folder.mark()?;
        Ok(self.log.last())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        // As when they were received, so that they are dropped when they would have been.
        let received_at = self.batch.iter().map(|entry| entry.received_at).max();
        let now = received_at.unwrap_or(Time::MIN);
        self.log.append(self.batch.iter(), now)?;
        self.batch.clear();
        self.batch_bytes = 0;
        Ok(())
    }
}
