//! Checkpoints as files of a data folder.

mod record_file;
#[cfg(test)]
mod tests;

use std::{fmt, io, sync::Arc};

use super::store::{CheckpointStore, Records, WriteRecords};
use crate::journal::{
    DataFolder, FolderFile, Revision, StoreError,
    folder::{Files, Mode, SET_ASIDE, UNFINISHED},
};

use self::record_file::{RecordReader, RecordWriter};

const SUFFIX: &str = ".checkpoint";

/// The name of a checkpoint's file, which says which revision the checkpoint is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct CheckpointName(Revision);

impl CheckpointName {
    fn parse(name: &str) -> Option<Self> {
        name.strip_suffix(SUFFIX)?.parse().ok().map(Self)
    }
}

impl fmt::Display for CheckpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}{SUFFIX}", self.0)
    }
}

/// The checkpoints of a data folder.
#[derive(Clone, Debug)]
pub struct DiskCheckpoints {
    files: Arc<dyn Files>,
    location: String,
}

impl DiskCheckpoints {
    /// The checkpoints of a folder.
    pub fn new(folder: &DataFolder) -> Self {
        let location = format!("the data folder {}", folder.path().display());
        Self::in_files(Arc::clone(folder.files()), location)
    }

    fn in_files(files: Arc<dyn Files>, location: String) -> Self {
        Self { files, location }
    }

    /// The files of a folder's checkpoints, the oldest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn files(folder: &DataFolder) -> Result<Vec<FolderFile>, StoreError> {
        let revisions = Self::new(folder).list()?;
        let oldest_first = revisions.into_iter().rev();
        oldest_first
            .map(|revision| folder.file(CheckpointName(revision).to_string(), revision))
            .collect()
    }
}

impl CheckpointStore for DiskCheckpoints {
    fn location(&self) -> &str {
        &self.location
    }

    fn list(&self) -> Result<Vec<Revision>, StoreError> {
        let names = self.files.list().map_err(StoreError::folder)?;
        let names = names.iter().filter_map(|name| CheckpointName::parse(name));
        let mut revisions: Vec<_> = names.map(|CheckpointName(revision)| revision).collect();
        revisions.sort_unstable_by(|a, b| b.cmp(a));
        Ok(revisions)
    }

    fn read(&self, revision: Revision) -> Result<Records, StoreError> {
        let name = CheckpointName(revision).to_string();
        let file = self.files.open(&name, Mode::Existing);
        let reader = file.and_then(|file| RecordReader::new(name.clone(), file));
        let reader = reader.map_err(|error| StoreError::failed(&name, error))?;
        Ok(Box::new(reader))
    }

    fn write(&self, revision: Revision, records: WriteRecords<'_>) -> Result<(), StoreError> {
        let name = CheckpointName(revision).to_string();
        let unfinished = format!("{name}{UNFINISHED}");
        let write = || -> io::Result<()> {
            let mut writer = RecordWriter::new(self.files.open(&unfinished, Mode::Create)?);
            records(&mut |record| writer.add(&record))?;
            writer.finish()?;
            self.files.rename(&unfinished, &name)?;
            self.files.sync()
        };
        let written = write().map_err(|error| StoreError::failed(&name, error));
        if written.is_err() {
            // The disk may be full. A file that cannot be removed is replaced later.
            let _ = self.files.remove(&unfinished);
        }
        written
    }

    fn set_aside(&self, revision: Revision) -> Result<(), StoreError> {
        let name = CheckpointName(revision).to_string();
        let renamed = self.files.rename(&name, &format!("{name}{SET_ASIDE}"));
        let done = renamed.and_then(|()| self.files.sync());
        done.map_err(|error| StoreError::failed(&name, error))
    }

    fn remove(&self, revisions: &[Revision]) -> Result<(), StoreError> {
        for revision in revisions {
            let name = CheckpointName(*revision).to_string();
            let removed = self.files.remove(&name);
            removed.map_err(|error| StoreError::failed(&name, error))?;
        }
        self.files.sync().map_err(StoreError::folder)
    }
}
