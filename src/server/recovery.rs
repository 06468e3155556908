//! From the journal to a roster that is as the journal says.

use std::sync::Arc;

use tracing::{info, warn};

use super::ServerError;
use crate::{
    config::{JournalConfig, JournalKind},
    journal::{DiskJournal, Journal, MemoryJournal, StoreError},
    roster::{Applier, Image},
};

/// The journal that a configuration asks for.
#[derive(Clone, Debug)]
pub(super) enum Store {
    Memory(Arc<MemoryJournal>),
    Disk(Arc<DiskJournal>),
}

impl Store {
    /// Opens the journal: the folder is ours from now on. Blocks, but not for long.
    pub(super) fn open(config: &JournalConfig) -> Result<Self, ServerError> {
        Ok(match config.kind {
            JournalKind::Memory => Self::Memory(Arc::new(MemoryJournal::new())),
            JournalKind::Disk => Self::Disk(Arc::new(DiskJournal::open(&config.path)?)),
        })
    }

    pub(super) fn journal(&self) -> Arc<dyn Journal> {
        match self {
            Self::Memory(journal) => Arc::clone(journal) as Arc<dyn Journal>,
            Self::Disk(journal) => Arc::clone(journal) as Arc<dyn Journal>,
        }
    }

    /// Brings the roster to where the journal ends, and lets it follow from there.
    /// Blocks for as long as it takes to read the latest checkpoint and replay what
    /// came after it.
    pub(super) fn recover(&self, mut applier: Applier) -> Result<(), ServerError> {
        let mut after = 0;
        if let Self::Disk(journal) = self
            && let Some(image) = latest(journal).map_err(|source| ServerError::Checkpoints {
                folder: journal.path().display().to_string(),
                source,
            })?
        {
            after = image.revision();
            applier.install(image);
        }
        Ok(self.journal().follow(after, Box::new(applier))?)
    }
}

/// The latest checkpoint that loads, if there is one. One that does not is kept
/// under another name, for who wants to know why.
fn latest(journal: &DiskJournal) -> Result<Option<Image>, StoreError> {
    for revision in journal.checkpoints()? {
        let image = journal
            .read_checkpoint(revision)
            .map_err(|error| error.to_string())
            .and_then(|records| {
                Image::read(journal.epoch(), records).map_err(|error| error.to_string())
            });
        match image {
            Ok(image) => {
                info!(revision, "loaded the checkpoint");
                return Ok(Some(image));
            }
            Err(reason) => {
                warn!(
                    revision,
                    reason, "the checkpoint does not load: trying the one before"
                );
                journal.set_checkpoint_aside(revision)?;
            }
        }
    }
    Ok(None)
}
