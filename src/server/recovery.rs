//! From the journal to a roster that is as the journal says.

use std::sync::Arc;

use tracing::{info, warn};

use super::ServerError;
use crate::{
    checkpoint::{self, ReadError},
    config::{JournalConfig, JournalKind},
    journal::{DiskJournal, Journal, MemoryJournal, Revision, StoreError},
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
    pub(super) fn recover(&self, applier: Applier) -> Result<(), ServerError> {
        match self {
            Self::Memory(journal) => Ok(journal.follow(0, Box::new(applier))?),
            Self::Disk(journal) => recover(journal, applier),
        }
    }
}

fn recover(journal: &DiskJournal, mut applier: Applier) -> Result<(), ServerError> {
    let failed = |source| ServerError::Checkpoints {
        folder: journal.path().display().to_string(),
        source,
    };
    let Latest { image, damaged } = latest(journal).map_err(failed)?;
    let after = image.as_ref().map_or(0, Image::revision);
    if let Some(image) = image {
        applier.install(image);
    }
    journal.follow(after, Box::new(applier))?;
    // Only now it is certain that they are not needed.
    for revision in damaged {
        journal.set_checkpoint_aside(revision).map_err(failed)?;
    }
    Ok(())
}

/// What there is to begin with.
struct Latest {
    /// The latest checkpoint that loads.
    image: Option<Image>,
    /// Later ones, which are damaged. They are not to be kept in place of others.
    damaged: Vec<Revision>,
}

fn latest(journal: &DiskJournal) -> Result<Latest, StoreError> {
    let mut damaged = Vec::new();
    for revision in journal.checkpoints()? {
        match load(journal, revision) {
            Ok(image) => {
                info!(revision, "loaded the checkpoint");
                let image = Some(image);
                return Ok(Latest { image, damaged });
            }
            Err(error) => {
                let reason = error.to_string();
                warn!(
                    revision,
                    reason, "the checkpoint does not load: trying the one before"
                );
                if is_damage(&error) {
                    damaged.push(revision);
                }
            }
        }
    }
    let image = None;
    Ok(Latest { image, damaged })
}

fn load(journal: &DiskJournal, revision: Revision) -> Result<Image, ReadError> {
    let records = journal.read_checkpoint(revision);
    let records = records.map_err(|error| ReadError::Read(error.into()))?;
    checkpoint::read(journal.epoch(), records)
}

/// Whether it is the file that is wrong: it may only be that it cannot be read now.
fn is_damage(error: &ReadError) -> bool {
    match error {
        ReadError::Read(error) => {
            let error = error.downcast_ref::<StoreError>();
            matches!(error, Some(StoreError::Damaged { .. }))
        }
        ReadError::Epoch(_) | ReadError::Record { .. } | ReadError::Truncated => true,
    }
}
