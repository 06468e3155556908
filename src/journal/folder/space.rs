//! The space that a data folder takes, and the most that it may.
//!
//! It is counted by the lengths of the files. A file takes less than its length where nothing was
//! written to it yet, and never more.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use bytesize::ByteSize;
use parking_lot::Mutex;
use redb::StorageBackend;

use super::files::{Files, Look, Mode, OpenFile};

/// The space of a data folder.
#[derive(Debug)]
pub(crate) struct Space {
    bytes_max: u64,
    lengths: Mutex<HashMap<String, u64>>,
    /// The sum of the lengths, which is read without the lock.
    bytes: AtomicU64,
}

/// The folder takes as much as it may. It is the source of an error that is told like that of a
/// full disk.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the data folder has reached journal.bytes_max ({})", ByteSize(*.bytes_max))]
struct Reached {
    bytes_max: u64,
}

impl Space {
    /// That of a folder whose files are not counted.
    pub(crate) fn unlimited() -> Self {
        Self {
            bytes_max: u64::MAX,
            lengths: Mutex::default(),
            bytes: AtomicU64::default(),
        }
    }

    /// That of a folder with these files, which may take so much.
    fn measure(files: &dyn Files, bytes_max: u64) -> io::Result<Self> {
        let names = files.list()?.into_iter();
        let measured = names.map(|name| Ok((files.length(&name)?, name)));
        let lengths = measured
            .map(|file| file.map(|(length, name)| (name, length)))
            .collect::<io::Result<HashMap<_, _>>>()?;
        Ok(Self {
            bytes_max,
            bytes: AtomicU64::new(lengths.values().sum()),
            lengths: Mutex::new(lengths),
        })
    }

    /// The most that the files may take.
    pub(crate) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// What the files take.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// What a file takes.
    pub(crate) fn length(&self, name: &str) -> u64 {
        self.lengths.lock().get(name).copied().unwrap_or(0)
    }

    /// What the largest file takes whose name ends so.
    pub(crate) fn largest(&self, suffix: &str) -> u64 {
        let lengths = self.lengths.lock();
        let lengths = lengths.iter().filter(|(name, _)| name.ends_with(suffix));
        lengths.map(|(_, length)| *length).max().unwrap_or(0)
    }

    /// The error that says that the files take as much as they may.
    pub(crate) fn reached(&self) -> io::Error {
        let bytes_max = self.bytes_max;
        io::Error::new(io::ErrorKind::StorageFull, Reached { bytes_max })
    }

    /// Notes the new length of a file, unless the file is limited and would grow beyond the limit.
    fn resize(&self, name: &str, length: u64, is_limited: bool) -> io::Result<()> {
        let mut lengths = self.lengths.lock();
        let before = lengths.get(name).copied().unwrap_or(0);
        let bytes = (self.bytes.load(Relaxed) - before).saturating_add(length);
        if is_limited && length > before && bytes > self.bytes_max {
            return Err(self.reached());
        }
        lengths.insert(name.to_owned(), length);
        self.bytes.store(bytes, Relaxed);
        Ok(())
    }

    /// Notes that a file is gone. Returns the length that it had.
    fn forget(&self, name: &str) -> Option<u64> {
        let mut lengths = self.lengths.lock();
        let length = lengths.remove(name)?;
        self.bytes.fetch_sub(length, Relaxed);
        Some(length)
    }

    fn rename(&self, from: &str, to: &str) {
        let length = self.forget(from);
        self.forget(to);
        // It is not limited, so it does not fail.
        let _ = self.resize(to, length.unwrap_or(0), false);
    }
}

/// Files whose space is limited. To a new file and to one that is extended, the limit is a full
/// disk. An existing one may grow beyond it: the store repairs a segment when it opens it, and a
/// start has to read what is there.
#[derive(Debug)]
struct Limited {
    files: Arc<dyn Files>,
    space: Arc<Space>,
}

/// Limits what files may take together. Returns them as they are to be used, and their space.
pub(crate) fn limit(
    files: &Arc<dyn Files>,
    bytes_max: u64,
) -> io::Result<(Arc<dyn Files>, Arc<Space>)> {
    let space = Arc::new(Space::measure(&**files, bytes_max)?);
    let limited = Limited {
        files: Arc::clone(files),
        space: Arc::clone(&space),
    };
    Ok((Arc::new(limited), space))
}

impl Files for Limited {
    fn list(&self) -> io::Result<Vec<String>> {
        self.files.list()
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        self.files.length(name)
    }

    fn open(&self, name: &str, mode: Mode) -> io::Result<OpenFile> {
        let file = self.files.open(name, mode)?;
        if mode == Mode::Create {
            self.space.resize(name, 0, false)?;
        }
        Ok(OpenFile::from_backend(LimitedFile {
            file,
            name: name.to_owned(),
            is_limited: mode != Mode::Existing,
            space: Arc::clone(&self.space),
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.files.rename(from, to)?;
        self.space.rename(from, to);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files.remove(name)?;
        self.space.forget(name);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.files.sync()
    }

    fn look_at(&self, name: &str) -> io::Result<Look> {
        self.files.look_at(name)
    }

    fn check(&self, name: Option<&str>) -> io::Result<()> {
        self.files.check(name)
    }
}

/// An open file. It has the name that it was opened under: no file is renamed while it is open.
#[derive(Debug)]
struct LimitedFile {
    file: OpenFile,
    name: String,
    is_limited: bool,
    space: Arc<Space>,
}

impl StorageBackend for LimitedFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let before = self.file.len()?;
        self.space.resize(&self.name, len, self.is_limited)?;
        let resized = self.file.set_len(len);
        if resized.is_err() {
            self.space.resize(&self.name, before, false)?;
        }
        resized
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    // Nothing is written behind the end: a file is made longer first.
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

#[cfg(test)]
mod tests;
