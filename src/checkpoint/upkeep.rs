//! Writes checkpoints of a running journal, and drops what they make superfluous.

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

    /// Writes a checkpoint. Then [drops what is old](Self::drop_old). Blocks.
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
