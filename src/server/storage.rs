//! The journal and the checkpoints that a configuration asks for.

use std::sync::Arc;

use prometheus_client::registry::Registry;

use super::{
    acceptance::{accept_loss, quarantine},
    error::ServerError,
    journal_space,
};
use crate::{
    checkpoint::{Checkpoints, DiskCheckpoints},
    config::{JournalConfig, JournalKind, Size},
    journal::{DataFolder, Decoder, DiskJournal, Journal, MemoryJournal, OpenError},
};

/// An hour's undecodable callbacks of one app and product take at most the data folder's space
/// divided by this. So those of a day, of one that sends nothing else, take a quarter of it: no
/// sender of them lets the history of the others be dropped.
const UNDECODABLE_PARTS: u64 = 100;

/// The journal, and the store of its checkpoints.
#[derive(Clone, Debug)]
pub(super) struct Storage {
    pub(super) journal: Arc<dyn Journal>,
    /// `None` if the journal keeps nothing.
    pub(super) checkpoints: Option<Checkpoints>,
    /// The journal again, if it is on disk: it can be backed up.
    pub(super) disk: Option<Arc<DiskJournal>>,
}

impl Storage {
    /// Opens the journal. Locks its data folder, if it has one. Blocks, but not for long, unless
    /// losses are to be accepted. The folder gets room for `space_min`, however full its disk is.
    /// Callbacks that wait for it take at most `waiting_bytes_max`.
    pub(super) fn open(
        config: &JournalConfig,
        space_min: Size,
        waiting_bytes_max: usize,
        decoder: Decoder,
    ) -> Result<Self, ServerError> {
        match config.kind {
            JournalKind::Memory => Ok(Self::memory()),
            JournalKind::Disk => Self::disk(config, space_min, waiting_bytes_max, decoder)
                .map_err(|error| ServerError::Open(error.into())),
        }
    }

    /// Adds the metrics of both to a registry.
    pub(super) fn register(&self, registry: &mut Registry) {
        self.journal.register(registry);
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.register(registry);
        }
    }

    /// What the undecodable callbacks of an app and product may take in an hour.
    pub(super) fn undecodable_bytes_max(&self) -> u64 {
        let disk = self.disk.as_ref();
        // A journal in memory keeps none.
        disk.map_or(u64::MAX, |disk| {
            disk.folder().bytes_max() / UNDECODABLE_PARTS
        })
    }

    fn memory() -> Self {
        Self {
            journal: Arc::new(MemoryJournal::new()),
            checkpoints: None,
            disk: None,
        }
    }

    fn disk(
        config: &JournalConfig,
        space_min: Size,
        waiting_bytes_max: usize,
        decoder: Decoder,
    ) -> Result<Self, OpenError> {
        let mut folder = DataFolder::open(&config.path)?;
        if config.accept_loss {
            folder = accept_loss(folder, &decoder)?;
        }
        let folder = quarantine(folder, &decoder, &config.quarantine)?;
        let folder = journal_space::limit(&folder, config, space_min)?;
        let disk = DiskJournal::open(&folder, decoder)?;
        let disk = Arc::new(disk.with_waiting_bytes(waiting_bytes_max));
        let journal: Arc<dyn Journal> = Arc::<DiskJournal>::clone(&disk);
        let store = Arc::new(DiskCheckpoints::new(&folder));
        Ok(Self {
            checkpoints: Some(Checkpoints::new(Arc::clone(&journal), store)),
            journal,
            disk: Some(disk),
        })
    }
}
