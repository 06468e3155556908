//! A data folder that is looked at: what it holds, without going on from it.
//!
//! Nothing is added. But a segment that was not closed in order is put in order by
//! its store when it is opened, as a journal would do, which writes to its file: the
//! folder is ours meanwhile, and has to be one that can be written to.

use std::{
    fs, io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    OpenError, StoreError,
    checkpoints::{Checkpoints, Records},
    files::{Files, Folder},
    format,
    lock::{self, Lock},
    log::Log,
};
use crate::journal::{Entry, Epoch, Revision};

/// What a data folder holds. No other process uses it meanwhile.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    epoch: Epoch,
    log: Log,
    checkpoints: Checkpoints,
    _lock: Lock,
}

/// A file of a data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveFile {
    /// Its name in the folder.
    pub name: String,
    /// A segment's first revision, or the one that a checkpoint is at.
    pub revision: Revision,
    /// How long it is.
    pub bytes: u64,
}

impl Archive {
    /// The version of the format that folders are read in.
    pub const FORMAT: u32 = format::VERSION;

    /// Takes a data folder. Unlike a journal's, it has to be one already: none is
    /// made of an empty one.
    ///
    /// # Errors
    /// When another process uses the folder, it is none, or its format is unknown.
    /// Damage of what is in it is found by reading it.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let store = |source| OpenError::Store {
            path: path.to_owned(),
            source,
        };
        let files: Arc<dyn Files> = Arc::new(Folder::new(path));
        // Before the lock, which would create the folder.
        let epoch = format::find(&*files)
            .and_then(|epoch| epoch.ok_or(StoreError::Nothing))
            .map_err(store)?;
        let lock = Lock::take(path)?;
        Ok(Self {
            path: path.to_owned(),
            epoch,
            log: Log::open(Arc::clone(&files), epoch).map_err(store)?,
            checkpoints: Checkpoints::new(files),
            _lock: lock,
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The epoch of its journal.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The revision of the first entry that is kept; 1 if there never was one.
    pub fn first(&self) -> Revision {
        self.log.first()
    }

    /// Reads the entries after a revision, in their order, until `visit` has enough.
    /// Returns the revision after the last one read; if the journal ends before
    /// `after`, that after its end. Every page of a segment is checked before any
    /// entry of it is handed over. Blocks.
    ///
    /// # Errors
    /// When an entry is missing or a segment cannot be read. What came before it
    /// was handed over.
    pub fn read(
        &self,
        after: Revision,
        visit: &mut dyn FnMut(Revision, Entry) -> ControlFlow<()>,
    ) -> Result<Revision, StoreError> {
        self.log.read(after, visit)
    }

    /// The files of entries, in the order of their revisions. Of two that begin at
    /// one, the later counts.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn segments(&self) -> Result<Vec<ArchiveFile>, StoreError> {
        let names = self.log.segments().iter();
        names
            .map(|name| self.file(name.to_string(), name.first))
            .collect()
    }

    /// The files of checkpoints, the oldest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn checkpoints(&self) -> Result<Vec<ArchiveFile>, StoreError> {
        let revisions = self.checkpoints.revisions()?;
        let oldest_first = revisions.into_iter().rev();
        oldest_first
            .map(|revision| self.file(Checkpoints::file(revision), revision))
            .collect()
    }

    /// The records of a checkpoint.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn read_checkpoint(&self, revision: Revision) -> Result<Records, StoreError> {
        self.checkpoints.read(revision)
    }

    /// How long all files of the folder are together, but for the lock: what is in that
    /// is this process's.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        let sum = || -> io::Result<u64> {
            let mut sum = 0;
            for file in fs::read_dir(&self.path)? {
                let file = file?;
                if file.file_name() != lock::FILE {
                    sum += file.metadata()?.len();
                }
            }
            Ok(sum)
        };
        sum().map_err(StoreError::folder)
    }

    fn file(&self, name: String, revision: Revision) -> Result<ArchiveFile, StoreError> {
        let metadata = fs::metadata(self.path.join(&name));
        let metadata = metadata.map_err(|error| StoreError::failed(&name, error))?;
        Ok(ArchiveFile {
            name,
            revision,
            bytes: metadata.len(),
        })
    }
}
