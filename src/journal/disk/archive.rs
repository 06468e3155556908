//! Reads the entries of a data folder that no journal is writing to.
//!
//! Nothing is added to the folder. But when the store opens a segment that was not closed
//! properly, it repairs the segment's file, as it does for a journal. So the folder has to be
//! writable.

use std::{ops::ControlFlow, sync::Arc};

use super::log::{Log, ReadBlock};
use crate::journal::{DataFolder, Decoder, Entry, FolderFile, OpenError, Revision, StoreError};

/// The entries of a data folder.
#[derive(Debug)]
pub struct Archive {
    folder: DataFolder,
    log: Log,
    decoder: Decoder,
}

impl Archive {
    /// Finds the segments of a folder. Damage shows when they are [read](Self::read).
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn open(folder: &DataFolder, decoder: Decoder) -> Result<Self, OpenError> {
        let log = Log::open(Arc::clone(folder.files()), folder.identity());
        Ok(Self {
            folder: folder.clone(),
            log: log.map_err(|source| OpenError::store(folder.path(), source))?,
            decoder,
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

    /// Reads the entries after a revision, in their order, until `visit` breaks. Returns the
    /// revision after the last entry read; if the journal ends before `after`, the revision
    /// after its end. Checks every page of a segment before it hands over the segment's first
    /// entry. Blocks.
    ///
    /// # Errors
    /// When an entry is missing or a segment cannot be read. Entries before that were handed
    /// over.
    pub fn read(
        &self,
        after: Revision,
        visit: &mut dyn FnMut(Revision, Entry) -> ControlFlow<()>,
    ) -> Result<Revision, StoreError> {
        let mut visit_block = |block: ReadBlock| {
            for (entry, revision) in block.entries.into_iter().zip(block.first..) {
                if visit(revision, entry).is_break() {
                    return ControlFlow::Break(revision + 1);
                }
            }
            ControlFlow::Continue(())
        };
        self.log.read(after, None, &self.decoder, &mut visit_block)
    }

    /// The segments, in the order of their revisions. If two begin at the same revision,
    /// the later one counts.
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
