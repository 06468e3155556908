//! The entries of a data folder, to be read without a journal that goes on from them.
//!
//! Nothing is added to the folder. But the store puts a segment that was not closed in
//! order into order when it opens it, as it does for a journal, and that writes to the
//! segment's file. So the folder has to be one that can be written to.

use std::{ops::ControlFlow, sync::Arc};

use super::log::Log;
use crate::journal::{DataFolder, Entry, FolderFile, OpenError, Revision, StoreError};

/// The entries of a data folder.
#[derive(Debug)]
pub struct Archive {
    folder: DataFolder,
    log: Log,
}

impl Archive {
    /// Finds the entries of a folder. Damage of what is in it is found by reading it.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn open(folder: &DataFolder) -> Result<Self, OpenError> {
        let log = Log::open(Arc::clone(folder.files()), folder.epoch());
        Ok(Self {
            folder: folder.clone(),
            log: log.map_err(|source| OpenError::store(folder.path(), source))?,
        })
    }

    /// The folder.
    pub fn folder(&self) -> &DataFolder {
        &self.folder
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
    pub fn segments(&self) -> Result<Vec<FolderFile>, StoreError> {
        let names = self.log.segments().iter();
        names
            .map(|name| self.folder.file(name.to_string(), name.first))
            .collect()
    }
}
