//! Copies a data folder.
//!
//! Files are copied and not linked: opening a segment writes to its file, so a folder and a copy
//! with the same files would write to each other's. Where the file system can share the contents
//! of two files (btrfs, XFS), it does.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{
    OpenError, StoreError,
    files::{Files as _, OsFolder, UNFINISHED},
    format, has_files,
    permissions::{folder_for_owner, for_owner},
};

/// A copy that is being made, beside the folder that it becomes when it is whole. Until then it
/// is no data folder, so that no server serves a part of the entries. It is removed when this is
/// dropped.
#[derive(Debug)]
pub struct FolderCopy {
    source: PathBuf,
    target: PathBuf,
    unfinished: TempDir,
}

/// Why a folder cannot be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// There is something where the copy should be.
    #[error("{} is not empty", path.display())]
    Occupied {
        /// Where.
        path: PathBuf,
    },
    /// The copy would be within the folder.
    #[error("{} is within the data folder itself", path.display())]
    Within {
        /// Where.
        path: PathBuf,
    },
    /// One of the folders does not say what it is, or cannot be made to.
    #[error(transparent)]
    Folder(#[from] OpenError),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl FolderCopy {
    /// Begins a copy of the data folder `source`, which becomes the folder `target`. That has to
    /// be empty or not there; the folder that it is in has to be there.
    ///
    /// # Errors
    /// When the target is not empty, or cannot be written to.
    pub fn begin(source: &Path, target: &Path) -> Result<Self, CopyError> {
        let target = std::path::absolute(target).map_err(failed(target))?;
        if has_files(&target) {
            return Err(CopyError::Occupied { path: target });
        }
        let no_name = || failed(&target)(io::ErrorKind::InvalidInput.into());
        let (parent, name) = (target.parent().zip(target.file_name())).ok_or_else(no_name)?;
        let of_source = source.canonicalize().map_err(failed(source))?;
        let of_parent = parent.canonicalize().map_err(failed(parent))?;
        if of_parent.starts_with(of_source) {
            return Err(CopyError::Within { path: target });
        }
        let prefix = format!("{}.", name.to_string_lossy());
        let mut unfinished = tempfile::Builder::new();
        unfinished.prefix(&prefix).suffix(UNFINISHED);
        let unfinished = folder_for_owner(&mut unfinished).tempdir_in(parent);
        Ok(Self {
            source: source.to_owned(),
            unfinished: unfinished.map_err(failed(parent))?,
            target,
        })
    }

    /// Where the files are until the copy is whole.
    pub fn path(&self) -> &Path {
        self.unfinished.path()
    }

    /// Copies a file, durably. Returns its length.
    ///
    /// # Errors
    /// When it is not there, cannot be read, or cannot be written.
    pub fn add(&self, file: &str) -> Result<u64, CopyError> {
        let path = self.source.join(file);
        // A name with a path in it would lead out of the folders.
        if path.file_name().is_none_or(|name| name != file) {
            return Err(failed(&path)(io::ErrorKind::InvalidFilename.into()));
        }
        let mut from = File::open(&path).map_err(failed(&path))?;
        let path = self.path().join(file);
        let mut copy = || {
            let mut options = OpenOptions::new();
            let mut to = for_owner(&mut options)
                .write(true)
                .create_new(true)
                .open(&path)?;
            let bytes = io::copy(&mut from, &mut to)?;
            to.sync_all()?;
            Ok(bytes)
        };
        copy().map_err(failed(&path))
    }

    /// Makes the copy a data folder, where it is: all files are copied. If a server `goes_on` with
    /// the folder, it may have begun other segments since: the copy says that it has those which
    /// were copied.
    ///
    /// # Errors
    /// When the folder does not say what it is, or the copy cannot be made to.
    pub fn complete(&self, goes_on: bool) -> Result<(), CopyError> {
        let (source, copy) = (OsFolder::new(&self.source), OsFolder::new(self.path()));
        let identity = format::find(&source).and_then(|found| found.ok_or(StoreError::Nothing));
        let mut identity = identity.map_err(|error| OpenError::store(&self.source, error))?;
        if goes_on {
            let names = copy.list().map_err(failed(self.path()))?;
            identity.begun = names.into_iter().filter(|name| is_segment(name)).max();
        }
        let written = format::write(&copy, &identity);
        Ok(written.map_err(|error| OpenError::store(self.path(), error))?)
    }

    /// Gives the copy its name, durably.
    ///
    /// # Errors
    /// When the target is no longer empty, or cannot be replaced: it is a disk of its own.
    pub fn publish(self) -> Result<(), CopyError> {
        fs::rename(self.path(), &self.target).map_err(failed(&self.target))?;
        // It has moved: there is nothing to remove.
        let _ = self.unfinished.keep();
        self.target.parent().map_or(Ok(()), sync)
    }
}

/// Whether a file is a segment. Their names are in the order of their revisions.
fn is_segment(name: &str) -> bool {
    name.ends_with(".segment")
}

/// Makes the names in a folder durable.
fn sync(folder: &Path) -> Result<(), CopyError> {
    // On other systems a folder cannot be opened, and names are durable by themselves.
    if cfg!(unix) {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(failed(folder))?;
    }
    Ok(())
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> CopyError + use<> {
    let path = path.to_owned();
    move |source| CopyError::Io { path, source }
}

#[cfg(test)]
mod tests;
