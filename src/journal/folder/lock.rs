//! The lock that lets one process at a time use a data folder.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    process,
};

use super::permissions::for_owner;

/// The name of the lock's file in the folder.
pub(crate) const FILE: &str = "lock";

/// A locked data folder. It is locked until this is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    // The operating system unlocks it when the process ends, in whatever way.
    _file: File,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process uses it.
    #[error("the data folder {} is in use by {holder}", path.display())]
    Held {
        /// The folder.
        path: PathBuf,
        /// Which process, if the lock names one.
        holder: String,
    },
    /// It cannot be created or written to.
    #[error("the data folder {} cannot be used: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Creates a folder that is not there, and those above it, durably.
fn create(path: &Path) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    let missing: Vec<&Path> = path.ancestors().take_while(|path| !path.exists()).collect();
    fs::create_dir_all(&path)?;
    // On other systems a folder cannot be opened, and names are durable by themselves.
    if cfg!(unix) {
        for parent in missing.iter().filter_map(|path| path.parent()) {
            File::open(parent)?.sync_all()?;
        }
    }
    Ok(())
}

impl Lock {
    /// Locks a folder. Creates it if it is not there.
    pub(crate) fn take(path: &Path) -> Result<Self, LockError> {
        let io = |source| LockError::Io {
            path: path.to_owned(),
            source,
        };
        create(path).map_err(io)?;
        let mut options = OpenOptions::new();
        let options = for_owner(&mut options).read(true).write(true).create(true);
        let mut file = options.truncate(false).open(path.join(FILE)).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let read = file.read_to_string(&mut holder);
                let holder = Some(holder.trim().to_owned()).filter(|_| read.is_ok());
                return Err(LockError::Held {
                    path: path.to_owned(),
                    holder: (holder.filter(|holder| !holder.is_empty()))
                        .unwrap_or_else(|| "another process".to_owned()),
                });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let mut note = || -> io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "process {}", process::id())
        };
        note().map_err(io)?;
        Ok(Self { _file: file })
    }
}
