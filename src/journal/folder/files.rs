//! The files of a data folder, behind a trait, so that tests can make them fail.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use redb::{StorageBackend, backends::FileBackend};

use super::{lock::Lock, permissions::for_owner, preallocate::Preallocated};

/// One flat folder of files. As in POSIX, a file that is created, renamed or removed is
/// durably so only after the folder is synced. All of these fail where the folder is no longer
/// where it was: another one may be there, which is not to be touched.
pub(crate) trait Files: Send + Sync + fmt::Debug + 'static {
    /// The names of all files.
    fn list(&self) -> io::Result<Vec<String>>;
    /// The length of a file.
    fn length(&self, name: &str) -> io::Result<u64>;
    /// Opens a file, or creates an empty one, which replaces a file of that name.
    fn open(&self, name: &str, mode: Mode) -> io::Result<OpenFile>;
    /// Gives a file another name, and replaces a file of that name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes the names of the files durable.
    fn sync(&self) -> io::Result<()>;
    /// Checks that the folder is still where it was, and the file of this name in it: what is
    /// written to a file that was removed is lost.
    fn check(&self, _name: Option<&str>) -> io::Result<()> {
        Ok(())
    }
    /// Which file has this name, and how long it is.
    fn look_at(&self, name: &str) -> io::Result<Look> {
        let length = self.length(name)?;
        Ok(Look { file: None, length })
    }
}

/// Which file there is, and how long it is. It tells whether somebody else changed a file that is
/// open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// What no other file has, where the system tells: its device and number.
    file: Option<(u64, u64)>,
    length: u64,
}

impl Look {
    /// Whether this is the same file as before, however long.
    pub(crate) fn is_of_same_file(self, before: Self) -> bool {
        self.file == before.file
    }
}

/// What the name of a file ends with until the file is whole.
pub(crate) const UNFINISHED: &str = ".new";

/// What the name of a file ends with that was damaged and is no longer used.
pub(crate) const SET_ASIDE: &str = ".damaged";

/// Removes files that a killed process did not finish. They are of no use, and they take
/// space.
pub(crate) fn remove_unfinished(files: &dyn Files) -> io::Result<()> {
    for name in files
        .list()?
        .iter()
        .filter(|name| name.ends_with(UNFINISHED))
    {
        match files.remove(name) {
            Ok(()) => tracing::info!(file = name, "removed an unfinished file"),
            // The file takes space, but does no other harm.
            Err(error) => {
                tracing::warn!(file = name, %error, "cannot remove an unfinished file")
            }
        }
    }
    Ok(())
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It has to exist. It is read, and the store may repair it.
    Existing,
    /// It has to exist, and more is added to it.
    Extend,
    /// It is created, and is empty.
    Create,
}

/// A folder of the operating system.
#[derive(Debug)]
pub(crate) struct OsFolder {
    path: PathBuf,
    lock: Option<Arc<Lock>>,
}

impl OsFolder {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            lock: None,
        }
    }

    /// A folder that this process has locked.
    pub(crate) fn locked(path: &Path, lock: &Arc<Lock>) -> Self {
        Self {
            lock: Some(Arc::clone(lock)),
            ..Self::new(path)
        }
    }
}

impl Files for OsFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name()));
        let names: io::Result<Vec<_>> = entries.collect();
        // The names that this program gives are UTF-8.
        let names = names?
            .into_iter()
            .filter_map(|name| name.into_string().ok());
        Ok(names.collect())
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.path.join(name))?.len())
    }

    fn open(&self, name: &str, mode: Mode) -> io::Result<OpenFile> {
        let create = mode == Mode::Create;
        if create {
            self.check(None)?;
        }
        let mut options = OpenOptions::new();
        let options = for_owner(&mut options).read(true).write(true);
        let options = options.create(create).truncate(create);
        let file = options.open(self.path.join(name))?;
        let backend = FileBackend::new(file).map_err(io::Error::other)?;
        OpenFile::new(backend)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.check(None)?;
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.check(None)?;
        fs::remove_file(self.path.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        // On other systems a folder cannot be opened, and names are durable by themselves.
        if cfg!(unix) {
            File::open(&self.path)?.sync_all()?;
        }
        // What was just done may have been done elsewhere.
        self.check(None)
    }

    fn look_at(&self, name: &str) -> io::Result<Look> {
        let metadata = fs::metadata(self.path.join(name))?;
        Ok(Look {
            file: number(&metadata),
            length: metadata.len(),
        })
    }

    fn check(&self, name: Option<&str>) -> io::Result<()> {
        self.lock.as_ref().map_or(Ok(()), |lock| lock.check(name))
    }
}

#[cfg(unix)]
fn number(metadata: &fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;

    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn number(_: &fs::Metadata) -> Option<(u64, u64)> {
    None
}

/// An open file, in which a store keeps its pages. It is not locked, because the folder is.
#[derive(Debug)]
pub(crate) struct OpenFile(Box<dyn StorageBackend>);

impl OpenFile {
    pub(crate) fn new(file: impl StorageBackend) -> io::Result<Self> {
        Ok(Self::from_backend(Preallocated::new(file)?))
    }

    /// A file that is used as it is.
    pub(super) fn from_backend(file: impl StorageBackend) -> Self {
        Self(Box::new(file))
    }
}

impl StorageBackend for OpenFile {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}
