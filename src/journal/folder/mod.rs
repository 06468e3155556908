//! The data folder: one flat folder of files, which one process at a time uses.
//!
//! It holds the segments of a journal, its checkpoints, and a file that says of which format
//! and of which journal the folder is. `docs/journal.md` describes it.

mod copy;
mod error;
mod files;
mod format;
mod lock;
mod permissions;
mod preallocate;
#[cfg(test)]
pub(crate) mod simulated;
mod space;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Epoch, Losses, Revision};

pub(crate) use self::files::{Files, Look, Mode, OpenFile, SET_ASIDE, UNFINISHED};
pub use self::{
    copy::{CopyError, FolderCopy},
    error::{OpenError, StoreError},
    lock::LockError,
};
#[cfg(test)]
pub(crate) use self::{format::open as open_format, space::limit};
pub(crate) use self::{
    format::{Identity, write as write_identity},
    space::Space,
};

use self::{
    files::{OsFolder, remove_unfinished},
    lock::Lock,
};

/// A data folder. No other process uses it as long as this or a clone of it is kept.
#[derive(Clone)]
pub struct DataFolder(Arc<Taken>);

#[derive(Clone)]
struct Taken {
    path: PathBuf,
    identity: Identity,
    files: Arc<dyn Files>,
    space: Arc<Space>,
    #[expect(dead_code, reason = "it is kept, not read")]
    lock: Arc<Lock>,
}

/// A file of a data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderFile {
    /// Its name in the folder.
    pub name: String,
    /// A segment's first revision, or the one that a checkpoint is at.
    pub revision: Revision,
    /// Its length.
    pub bytes: u64,
}

impl DataFolder {
    /// The version of the format that folders are read and written in.
    pub const FORMAT: u32 = format::VERSION;

    /// Locks a data folder. Makes a data folder of an empty folder, and creates a folder that
    /// is not there. Removes files that were not finished. Blocks.
    ///
    /// # Errors
    /// When another process uses the folder, or its format is unknown.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = Arc::new(Lock::take(path)?);
        let files: Arc<dyn Files> = Arc::new(OsFolder::locked(path, &lock));
        let opened = format::open(&*files, Epoch(rand::random())).and_then(|identity| {
            // Not before it is certain that this is a data folder.
            remove_unfinished(&*files).map_err(StoreError::folder)?;
            Ok(identity)
        });
        let identity = opened.map_err(|source| OpenError::store(path, source))?;
        Ok(Self::taken(path, identity, files, lock))
    }

    /// Locks a data folder that exists, to read it. Blocks.
    ///
    /// # Errors
    /// When another process uses the folder, it is no data folder, or its format is
    /// unknown.
    pub fn open_existing(path: &Path) -> Result<Self, OpenError> {
        let files = OsFolder::new(path);
        // Before the lock, which would create the folder.
        let identity = format::find(&files)
            .and_then(|identity| identity.ok_or(StoreError::Nothing))
            .map_err(|source| OpenError::store(path, source))?;
        let lock = Arc::new(Lock::take(path)?);
        let files: Arc<dyn Files> = Arc::new(OsFolder::locked(path, &lock));
        Ok(Self::taken(path, identity, files, lock))
    }

    /// Locks an empty folder, for a new epoch. It cannot be opened as a data folder until it
    /// is [marked](write_identity) as one.
    pub(super) fn take_empty(path: &Path) -> Result<Self, OpenError> {
        if has_files(path) {
            return Err(OpenError::store(path, StoreError::Occupied));
        }
        let lock = Lock::take(path)?;
        let files: Arc<dyn Files> = Arc::new(OsFolder::new(path));
        let identity = Identity::new(Epoch(rand::random()));
        Ok(Self::taken(path, identity, files, Arc::new(lock)))
    }

    /// Lets the journal go on without what is lost: under a new epoch, if entries are. `last` is
    /// the last segment that is left. The folder is to be used as it is returned. Nothing that is
    /// damaged is changed.
    ///
    /// # Errors
    /// When the folder cannot be written to. Then nothing is accepted, or all is.
    pub(super) fn accept(&self, losses: &Losses, last: Option<String>) -> Result<Self, StoreError> {
        let mut identity = self.identity().clone();
        identity.accept(losses, last, Epoch(rand::random()));
        self.replace(identity)
    }

    /// Lets the journal go on without the effect of entries, under a new epoch. The folder is to
    /// be used as it is returned.
    ///
    /// # Errors
    /// When the folder cannot be written to. Then all of them are quarantined, or none.
    pub(super) fn quarantine(&self, revisions: &[Revision]) -> Result<Self, StoreError> {
        let mut identity = self.identity().clone();
        identity.quarantine(revisions, Epoch(rand::random()));
        self.replace(identity)
    }

    fn replace(&self, identity: Identity) -> Result<Self, StoreError> {
        write_identity(&**self.files(), &identity)?;
        Ok(Self(Arc::new(Taken {
            identity,
            ..(*self.0).clone()
        })))
    }

    /// Limits what its files may take: to new files and to segments that grow, the folder is a
    /// disk of so many bytes. The folder is to be used as it is returned.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn within(&self, bytes_max: u64) -> Result<Self, OpenError> {
        let Taken { path, files, .. } = &*self.0;
        let limited = space::limit(files, bytes_max).map_err(StoreError::folder);
        let (files, space) = limited.map_err(|source| OpenError::store(path, source))?;
        Ok(Self(Arc::new(Taken {
            files,
            space,
            ..(*self.0).clone()
        })))
    }

    fn taken(path: &Path, identity: Identity, files: Arc<dyn Files>, lock: Arc<Lock>) -> Self {
        // Not before it is certain that this is a data folder, or is going to be one.
        permissions::restrict(path);
        Self(Arc::new(Taken {
            path: path.to_owned(),
            identity,
            files,
            space: Arc::new(Space::unlimited()),
            lock,
        }))
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The epoch of the journal in it.
    pub fn epoch(&self) -> Epoch {
        self.0.identity.epoch
    }

    /// Whether the journal has this epoch, or had it before it went on without what it lost.
    pub fn has_had(&self, epoch: Epoch) -> bool {
        self.identity().has_had(epoch)
    }

    /// The revisions of the entries that have no effect, because an operator said so.
    pub fn quarantined(&self) -> &[Revision] {
        &self.identity().quarantined
    }

    /// What the folder said of its journal when it was opened.
    pub(crate) fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// The bytes of all files together. The lock is not counted, because this process wrote
    /// it.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        let sum = || -> io::Result<u64> {
            let mut sum = 0;
            for file in fs::read_dir(self.path())? {
                let file = file?;
                if file.file_name() != lock::FILE {
                    sum += file.metadata()?.len();
                }
            }
            Ok(sum)
        };
        sum().map_err(StoreError::folder)
    }

    /// The most that its files may take, if the folder is [limited](Self::within).
    pub fn bytes_max(&self) -> u64 {
        self.space().bytes_max()
    }

    /// What the file system that holds the folder has free for it; `None` where nothing tells.
    pub fn free_bytes(&self) -> Option<u64> {
        free_bytes(self.path())
    }

    pub(crate) fn files(&self) -> &Arc<dyn Files> {
        &self.0.files
    }

    pub(crate) fn space(&self) -> &Arc<Space> {
        &self.0.space
    }

    /// A file of the folder, with its present length.
    pub(crate) fn file(&self, name: String, revision: Revision) -> Result<FolderFile, StoreError> {
        let metadata = fs::metadata(self.path().join(&name));
        let metadata = metadata.map_err(|error| StoreError::failed(&name, error))?;
        Ok(FolderFile {
            name,
            revision,
            bytes: metadata.len(),
        })
    }
}

impl fmt::Debug for DataFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DataFolder").field(&self.0.path).finish()
    }
}

#[cfg(unix)]
fn free_bytes(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

fn has_files(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut files| files.next().is_some())
}
