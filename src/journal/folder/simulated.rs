//! A disk that fails, loses writes and tears them, as real disks do.
//!
//! Written data is durable only after the file is synced, and names only after the folder
//! is. After a sync that failed, the data can still be read, but a later sync does not make
//! it durable: Linux does the same.

use std::{collections::BTreeMap, io, ops::Range, sync::Arc};

use parking_lot::Mutex;
use redb::StorageBackend;

use super::files::{Files, Mode, OpenFile};

/// A folder on a simulated disk. A clone is the same folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Simulated(Arc<Mutex<State>>);

#[derive(Clone, Debug, Default)]
struct State {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Operations so far that can fail.
    operations: u64,
    fault: Option<Fault>,
    /// What was written, synced or acknowledged, in order.
    trace: Vec<&'static str>,
}

#[derive(Clone, Debug, Default)]
struct File {
    now: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Write>,
}

/// One change of a file that may not be durable.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    At(usize, Vec<u8>),
    Length(usize),
}

/// What fails.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// One operation fails, without effect.
    At(u64),
    /// One operation fails. If it is a write, half of the data is written.
    Short(u64),
    /// All operations fail from one on, as after a power cut.
    From(u64),
    /// All operations fail that need space.
    Full,
    /// Files cannot be removed, after so many.
    Removal(u64),
}

impl Fault {
    fn hits(self, operation: u64) -> bool {
        match self {
            Self::At(at) | Self::Short(at) => operation == at,
            Self::From(from) => operation >= from,
            Self::Full => true,
            Self::Removal(_) => false,
        }
    }
}

fn no_space() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "no space left on device")
}

impl Write {
    fn apply(&self, contents: &mut Vec<u8>) {
        match self {
            Self::Length(length) => contents.resize(*length, 0),
            Self::At(offset, data) => {
                let end = offset + data.len();
                contents.resize(contents.len().max(end), 0);
                contents[*offset..end].copy_from_slice(data);
            }
        }
    }
}

impl State {
    /// Counts an operation, and fails if the fault says so.
    fn operate(&mut self, what: &'static str) -> io::Result<()> {
        let operation = self.operations;
        self.operations += 1;
        self.trace.push(what);
        let fault = self.fault.filter(|fault| fault.hits(operation));
        fault.map_or(Ok(()), |_| Err(no_space()))
    }
}

impl Simulated {
    /// Sets the fault. Operations are counted from 0 again.
    pub(crate) fn fail(&self, fault: Option<Fault>) {
        let mut state = self.0.lock();
        (state.fault, state.operations) = (fault, 0);
    }

    /// Operations since the count began.
    pub(crate) fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    /// Whether all operations fail.
    pub(crate) fn is_dead(&self) -> bool {
        matches!(self.0.lock().fault, Some(Fault::From(_)))
    }

    /// Notes something in the trace.
    pub(crate) fn note(&self, what: &'static str) {
        self.0.lock().trace.push(what);
    }

    pub(crate) fn trace(&self) -> Vec<&'static str> {
        self.0.lock().trace.clone()
    }

    /// The disk as the next process finds it after this process was killed.
    pub(crate) fn after_kill(&self) -> Self {
        let mut state = self.0.lock().clone();
        (state.fault, state.operations) = (None, 0);
        Self(Arc::new(Mutex::new(state)))
    }

    /// The disk after a power cut. `survives` says what is left of each write that was not
    /// synced. Names that were not synced survive if `names` is true.
    pub(crate) fn after_power_cut(
        &self,
        names: bool,
        mut survives: impl FnMut(&Write) -> Option<Write>,
    ) -> Self {
        let mut state = self.0.lock().clone();
        for file in &mut state.files {
            let mut contents = file.durable.clone();
            let survivors = file.unsynced.iter().filter_map(&mut survives);
            survivors.for_each(|write| write.apply(&mut contents));
            *file = File {
                now: contents.clone(),
                durable: contents,
                unsynced: Vec::new(),
            };
        }
        if !names {
            state.names = state.durable_names.clone();
        }
        (state.fault, state.operations) = (None, 0);
        Self(Arc::new(Mutex::new(state)))
    }

    /// The files, by name, and how long they are.
    pub(crate) fn lengths(&self) -> Vec<(String, usize)> {
        let state = self.0.lock();
        let lengths = state
            .names
            .iter()
            .map(|(name, file)| (name.clone(), state.files[*file].now.len()));
        lengths.collect()
    }

    /// What a file holds.
    pub(crate) fn contents(&self, name: &str) -> Vec<u8> {
        let state = self.0.lock();
        state.files[state.names[name]].now.clone()
    }

    /// Changes every byte of a range.
    pub(crate) fn damage(&self, name: &str, range: Range<usize>) {
        let mut state = self.0.lock();
        let file = state.names[name];
        let file = &mut state.files[file];
        file.now[range].iter_mut().for_each(|byte| *byte ^= 0xa5);
        file.durable = file.now.clone();
    }

    /// Flips a bit.
    pub(crate) fn flip(&self, name: &str, at: usize, bit: u8) {
        let mut state = self.0.lock();
        let file = state.names[name];
        let file = &mut state.files[file];
        file.now[at] ^= 1 << bit;
        file.durable = file.now.clone();
    }

    /// Cuts a file short.
    pub(crate) fn truncate(&self, name: &str, length: usize) {
        let mut state = self.0.lock();
        let file = state.names[name];
        let file = &mut state.files[file];
        file.now.truncate(length);
        file.durable = file.now.clone();
    }
}

impl Files for Simulated {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().names.keys().cloned().collect())
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        let state = self.0.lock();
        let file = state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(state.files[*file].now.len() as u64)
    }

    fn open(&self, name: &str, mode: Mode) -> io::Result<OpenFile> {
        let mut state = self.0.lock();
        if mode == Mode::Create {
            state.operate("create")?;
            state.files.push(File::default());
            let file = state.files.len() - 1;
            state.names.insert(name.to_owned(), file);
        }
        let file = *state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        drop(state);
        let (folder, file) = (self.clone(), file);
        OpenFile::new(SimulatedFile { folder, file })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.0.lock();
        state.operate("rename")?;
        let file = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.0.lock();
        match &mut state.fault {
            Some(Fault::Removal(0)) => return Err(io::ErrorKind::PermissionDenied.into()),
            Some(Fault::Removal(left)) => *left -= 1,
            // Works on a full disk too.
            _ => {}
        }
        let file = state.names.remove(name);
        file.map(|_| ()).ok_or(io::ErrorKind::NotFound.into())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.0.lock();
        state.operate("sync folder")?;
        state.durable_names = state.names.clone();
        Ok(())
    }
}

#[derive(Debug)]
struct SimulatedFile {
    folder: Simulated,
    file: usize,
}

impl SimulatedFile {
    fn change(&self, what: &'static str, write: &Write) -> io::Result<()> {
        let mut state = self.folder.0.lock();
        let done = state.operate(what);
        let write = match (&done, state.fault, write) {
            (Ok(()), ..) => write.clone(),
            (Err(_), Some(Fault::Short(_)), Write::At(offset, data)) => {
                Write::At(*offset, data[..data.len() / 2].to_vec())
            }
            (Err(_), ..) => return done,
        };
        let file = &mut state.files[self.file];
        write.apply(&mut file.now);
        file.unsynced.push(write);
        done
    }
}

impl StorageBackend for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.folder.0.lock().files[self.file].now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.folder.0.lock();
        let offset = offset as usize;
        let contents = state.files[self.file].now.get(offset..offset + out.len());
        out.copy_from_slice(contents.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change("resize", &Write::Length(len as usize))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.folder.0.lock();
        let done = state.operate("sync");
        if done.is_err() && matches!(state.fault, Some(Fault::From(_))) {
            // There was a power cut: nothing was lost because of the sync.
            return done;
        }
        let file = &mut state.files[self.file];
        let unsynced = std::mem::take(&mut file.unsynced);
        if done.is_ok() {
            let durable = &mut file.durable;
            unsynced.iter().for_each(|write| write.apply(durable));
        }
        done
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change("write", &Write::At(offset as usize, data.to_vec()))
    }
}
