//! The lock that lets one process at a time use a data folder.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    process, thread,
    time::Duration,
};

use super::permissions::for_owner;

/// The name of the lock's file in the folder.
pub(crate) const FILE: &str = "lock";

/// How often a lock that is held is tried again, and how soon.
const RETRIES: u32 = 5;
const RETRY_AFTER: Duration = Duration::from_millis(20);

/// A locked data folder. It is locked until this is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    // The operating system unlocks both when the process ends, in whatever way.
    #[cfg_attr(not(unix), expect(dead_code, reason = "it is kept, not read"))]
    file: File,
    /// The folder itself: whoever removes the file does not unlock it. `None` where a folder
    /// cannot be locked.
    folder: Option<File>,
    path: PathBuf,
}

/// The folder is not where it was locked. What is written to it now is lost to the next start.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} was removed, moved or replaced while the service uses it: put it back, or stop the service and start it on what is left",
    .0.display()
)]
struct Displaced(PathBuf);

impl Displaced {
    fn error(path: PathBuf) -> io::Error {
        io::Error::other(Self(path))
    }
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
    /// Locks a folder. Creates it if it is not there. A lock that is held is tried again for a
    /// moment: where a process starts another one, that has all that is open until it becomes another
    /// program.
    pub(crate) fn take(path: &Path) -> Result<Self, LockError> {
        for _ in 0..RETRIES {
            match Self::try_take(path) {
                Err(LockError::Held { .. }) => thread::sleep(RETRY_AFTER),
                taken => return taken,
            }
        }
        Self::try_take(path)
    }

    fn try_take(path: &Path) -> Result<Self, LockError> {
        let io = |source| LockError::Io {
            path: path.to_owned(),
            source,
        };
        create(path).map_err(io)?;
        let folder = take_folder(path)?;
        let mut options = OpenOptions::new();
        let options = for_owner(&mut options).read(true).write(true).create(true);
        let mut file = options.truncate(false).open(path.join(FILE)).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let read = file.read_to_string(&mut holder);
                return Err(held(path, read.map(|_| holder)));
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let mut note = || -> io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "process {}", process::id())
        };
        note().map_err(io)?;
        Ok(Self {
            file,
            folder,
            path: path.to_owned(),
        })
    }

    /// Checks that the folder is still where it was locked, and a file in it is there.
    #[cfg(unix)]
    pub(crate) fn check(&self, file: Option<&str>) -> io::Result<()> {
        // Where the folder is locked, nobody else can use it, whatever becomes of the lock's file.
        let (held, path) = match &self.folder {
            Some(folder) => (folder, self.path.clone()),
            None => (&self.file, self.path.join(FILE)),
        };
        if !is_at(held, &path)? {
            return Err(Displaced::error(path));
        }
        let file = file.map(|file| self.path.join(file));
        match file {
            Some(path) if !path.try_exists()? => Err(Displaced::error(path)),
            _ => Ok(()),
        }
    }

    /// Other systems than Unix do not let a file be removed that is open.
    #[cfg(not(unix))]
    pub(crate) fn check(&self, file: Option<&str>) -> io::Result<()> {
        let file = file.map(|file| self.path.join(file));
        match file {
            Some(path) if !path.try_exists()? => Err(Displaced::error(path)),
            _ => Ok(()),
        }
    }
}

/// Whether what is open is what is at a path.
#[cfg(unix)]
fn is_at(open: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;

    let at_path = match fs::metadata(path) {
        Ok(at_path) => at_path,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let open = open.metadata()?;
    Ok((open.dev(), open.ino()) == (at_path.dev(), at_path.ino()))
}

/// Locks the folder itself, where that can be done: a network's file system may not be able to,
/// and other systems than Unix cannot open a folder.
fn take_folder(path: &Path) -> Result<Option<File>, LockError> {
    if !cfg!(unix) {
        return Ok(None);
    }
    let io = |source| LockError::Io {
        path: path.to_owned(),
        source,
    };
    let folder = File::open(path).map_err(io)?;
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(TryLockError::WouldBlock) => Err(held(path, fs::read_to_string(path.join(FILE)))),
        Err(TryLockError::Error(error)) => {
            tracing::warn!(
                folder = %path.display(),
                %error,
                "the folder itself cannot be locked: as long as the service runs, do not remove its file `lock`"
            );
            Ok(None)
        }
    }
}

/// The error that says who holds a folder, by what its file says of them.
fn held(path: &Path, holder: io::Result<String>) -> LockError {
    let holder = holder.map(|holder| holder.trim().to_owned());
    let holder = holder.ok().filter(|holder| !holder.is_empty());
    LockError::Held {
        path: path.to_owned(),
        holder: holder.unwrap_or_else(|| "another process".to_owned()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stays_locked_when_the_file_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(folder.path()).unwrap();
        let holder = |error| match error {
            LockError::Held { holder, .. } => holder,
            error => panic!("{error}"),
        };
        let named = holder(Lock::take(folder.path()).unwrap_err());
        assert_eq!(named, format!("process {}", process::id()));
        fs::remove_file(folder.path().join(FILE)).unwrap();
        let unnamed = holder(Lock::take(folder.path()).unwrap_err());
        assert_eq!(unnamed, "another process");
        drop(lock);
        Lock::take(folder.path()).unwrap();
    }
}
