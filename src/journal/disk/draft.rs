//! A data folder that is being made of entries that there were before.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    OpenError, StoreError,
    checkpoints::Checkpoints,
    files::{Files, Folder},
    format,
    lock::Lock,
    log::Log,
    writer::{BATCH_BYTES_MAX, BATCH_MAX, weight},
};
use crate::{
    domain::Time,
    journal::{Entry, Epoch, Revision},
};

/// A folder that becomes a data folder when it is [finished](Self::finish). Before,
/// it is refused by whoever opens it, so that none that is half-made is served.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    epoch: Epoch,
    files: Arc<dyn Files>,
    log: Log,
    checkpoints: Checkpoints,
    /// Not written yet.
    batch: Vec<Entry>,
    batch_bytes: usize,
    _lock: Lock,
}

impl Draft {
    /// Begins a folder whose first entry is the one after a revision, under an epoch
    /// of its own. The folder is not there, or empty.
    ///
    /// # Errors
    /// When it is not empty, or cannot be used.
    pub fn create(path: &Path, after: Revision) -> Result<Self, OpenError> {
        if has_files(path) {
            return Err(OpenError::Store {
                path: path.to_owned(),
                source: StoreError::Occupied,
            });
        }
        let lock = Lock::take(path)?;
        let epoch = Epoch(rand::random());
        let files: Arc<dyn Files> = Arc::new(Folder::new(path));
        Ok(Self {
            path: path.to_owned(),
            epoch,
            log: Log::begin_after(Arc::clone(&files), epoch, after),
            checkpoints: Checkpoints::new(Arc::clone(&files)),
            files,
            batch: Vec::new(),
            batch_bytes: 0,
            _lock: lock,
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The epoch that its journal is going to have.
    pub fn epoch(&self) -> Epoch {
        self.epoch
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

    /// Adds a checkpoint of the records that `produce` hands out.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_checkpoint(
        &self,
        revision: Revision,
        produce: impl FnOnce(&mut dyn FnMut(Bytes) -> io::Result<()>) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        self.checkpoints.save(revision, produce)
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
        format::begin(&*self.files, self.epoch)?;
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

fn has_files(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut files| files.next().is_some())
}
