//! Checkpoints in memory, for tests.

use std::{
    collections::BTreeMap,
    io,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use bytes::Bytes;
use parking_lot::Mutex;

use super::store::{CheckpointStore, Records, WriteRecords};
use crate::journal::{Revision, StoreError};

#[derive(Debug, Default)]
pub(crate) struct MemoryCheckpoints {
    /// By revision. `None` for a checkpoint that cannot be read.
    pub(crate) checkpoints: Mutex<BTreeMap<Revision, Option<Vec<Bytes>>>>,
    pub(crate) set_aside: Mutex<Vec<Revision>>,
    /// Whether there is no space for another checkpoint.
    pub(crate) is_full: AtomicBool,
    /// How many were written.
    pub(crate) written: AtomicUsize,
}

fn failed(kind: io::ErrorKind) -> StoreError {
    StoreError::failed("the checkpoint", kind.into())
}

impl CheckpointStore for MemoryCheckpoints {
    fn location(&self) -> &str {
        "memory"
    }

    fn list(&self) -> Result<Vec<Revision>, StoreError> {
        Ok(self.checkpoints.lock().keys().rev().copied().collect())
    }

    fn read(&self, revision: Revision) -> Result<Records, StoreError> {
        let records = self.checkpoints.lock().get(&revision).cloned().flatten();
        let records = records.ok_or_else(|| failed(io::ErrorKind::NotFound))?;
        Ok(Box::new(records.into_iter().map(Ok)))
    }

    fn write(&self, revision: Revision, records: WriteRecords<'_>) -> Result<(), StoreError> {
        let mut written = Vec::new();
        let result = records(&mut |record| {
            written.push(record);
            Ok(())
        });
        result.map_err(|error| failed(error.kind()))?;
        if self.is_full.load(Ordering::Relaxed) {
            return Err(failed(io::ErrorKind::StorageFull));
        }
        self.checkpoints.lock().insert(revision, Some(written));
        self.written.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn set_aside(&self, revision: Revision) -> Result<(), StoreError> {
        self.checkpoints.lock().remove(&revision);
        self.set_aside.lock().push(revision);
        Ok(())
    }

    fn remove(&self, revisions: &[Revision]) -> Result<(), StoreError> {
        let mut checkpoints = self.checkpoints.lock();
        checkpoints.retain(|revision, _| !revisions.contains(revision));
        Ok(())
    }
}
