//! Writes checkpoints of a running journal, and drops the checkpoints and entries that are no
//! longer needed.

use std::sync::Arc;

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

use super::{
    retention::{OldEntries, droppable},
    store::{CheckpointStore, WriteRecords},
};
use crate::{
    domain::Time,
    journal::{Journal, Revision, StoreError},
};

/// A journal and the store of its checkpoints.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    journal: Arc<dyn Journal>,
    store: Arc<dyn CheckpointStore>,
    metrics: CheckpointMetrics,
}

/// The metrics of the checkpoints.
#[derive(Clone, Debug, Default)]
struct CheckpointMetrics {
    written: Counter,
    failures: Counter,
    last_revision: Gauge,
}

impl Checkpoints {
    /// The checkpoints in `store` are of `journal`.
    pub fn new(journal: Arc<dyn Journal>, store: Arc<dyn CheckpointStore>) -> Self {
        Self {
            journal,
            store,
            metrics: CheckpointMetrics::default(),
        }
    }

    /// The store of the checkpoints.
    pub fn store(&self) -> &dyn CheckpointStore {
        &*self.store
    }

    /// Writes a checkpoint. Then [drops old checkpoints and entries](Self::drop_old). Blocks.
    ///
    /// # Errors
    /// When the checkpoint cannot be written: then nothing is dropped. Also when an older
    /// checkpoint cannot be removed: then the new one is written.
    pub fn write(
        &self,
        revision: Revision,
        keep_from: Time,
        records: WriteRecords<'_>,
    ) -> Result<(), StoreError> {
        if let Err(error) = self.store.write(revision, records) {
            self.metrics.failures.inc();
            return Err(error);
        }
        self.metrics.written.inc();
        self.metrics.last_revision.set(revision as i64);
        self.journal.note_checkpoint();
        self.drop_old(keep_from)
    }

    /// Drops all checkpoints but the latest two, and entries that the older of those
    /// covers and that were received before `keep_from`. Blocks.
    ///
    /// # Errors
    /// When a checkpoint cannot be removed. Then no entry is dropped.
    pub fn drop_old(&self, keep_from: Time) -> Result<(), StoreError> {
        let droppable = droppable(&self.store.list()?, keep_from);
        self.store.remove(&droppable.checkpoints)?;
        if let Some(OldEntries {
            before,
            received_before,
        }) = droppable.entries
        {
            self.journal.drop_before(before, received_before);
        }
        Ok(())
    }

    /// Adds the metrics of the checkpoints to a registry.
    pub fn register(&self, registry: &mut Registry) {
        let CheckpointMetrics {
            written,
            failures,
            last_revision,
        } = self.metrics.clone();
        registry.register("journal_checkpoints", "Checkpoints written", written);
        registry.register(
            "journal_checkpoint_failures",
            "Checkpoints that could not be written",
            failures,
        );
        registry.register(
            "journal_checkpoint_revision",
            "The revision that the last checkpoint is at",
            last_revision,
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::{
        checkpoint::memory::MemoryCheckpoints,
        journal::{
            io_kind,
            recording::{RecordingJournal, Told},
        },
    };

    #[test]
    fn a_checkpoint_replaces_the_oldest_only_once_it_is_written() {
        let journal = Arc::new(RecordingJournal::default());
        let store = Arc::new(MemoryCheckpoints::default());
        let checkpoints = Checkpoints::new(
            Arc::<RecordingJournal>::clone(&journal),
            Arc::<MemoryCheckpoints>::clone(&store),
        );
        let keep_from = Time::from_millis(5).unwrap();
        let write = |revision| checkpoints.write(revision, keep_from, Box::new(|_| Ok(())));
        let told = || std::mem::take(&mut *journal.told.lock());

        write(10).unwrap();
        assert_eq!(told(), [Told::Checkpoint], "a start may need every entry");
        write(20).unwrap();
        let covered = Told::DropBefore(11, keep_from);
        assert_eq!(told(), [Told::Checkpoint, covered]);

        store.is_full.store(true, Ordering::Relaxed);
        let error = write(30).unwrap_err();
        assert_eq!(io_kind(&error), Some(std::io::ErrorKind::StorageFull));
        assert_eq!(store.list().unwrap(), [20, 10]);
        assert_eq!(told(), []);

        store.is_full.store(false, Ordering::Relaxed);
        write(30).unwrap();
        assert_eq!(store.list().unwrap(), [30, 20]);
        let covered = Told::DropBefore(21, keep_from);
        assert_eq!(told(), [Told::Checkpoint, covered]);
    }
}
