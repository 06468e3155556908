//! Finds the checkpoint that a start begins with.

use tracing::{info, warn};

use crate::{
    checkpoint::{self, CheckpointStore, ReadError},
    journal::{Cause, Epoch, Revision, StoreError},
    roster::Image,
};

/// What a start found in the store.
pub(super) struct Latest {
    /// The latest checkpoint that loads.
    pub(super) image: Option<Image>,
    /// Later ones that are damaged. They must not count as checkpoints that are kept.
    pub(super) damaged: Vec<Revision>,
    /// Why a later one could not be read, if that may be possible another time.
    pub(super) unread: Option<StoreError>,
}

/// Finds the latest checkpoint that loads, of those whose epoch is known.
pub(super) fn latest(
    store: &dyn CheckpointStore,
    is_known: &dyn Fn(Epoch) -> bool,
) -> Result<Latest, StoreError> {
    let (mut damaged, mut unread) = (Vec::new(), None);
    for revision in store.list()? {
        match load(store, is_known, revision) {
            Ok(image) => {
                info!(revision, "loaded the checkpoint");
                let image = Some(image);
                return Ok(Latest {
                    image,
                    damaged,
                    unread,
                });
            }
            Err(error) => {
                let reason = error.to_string();
                warn!(
                    revision,
                    reason, "the checkpoint does not load: trying the one before"
                );
                if is_damage(&error) {
                    damaged.push(revision);
                } else {
                    unread = Some(StoreError::Failed {
                        file: format!("the checkpoint at {revision}"),
                        source: Cause::new(error),
                    });
                }
            }
        }
    }
    Ok(Latest {
        image: None,
        damaged,
        unread,
    })
}

fn load(
    store: &dyn CheckpointStore,
    is_known: &dyn Fn(Epoch) -> bool,
    revision: Revision,
) -> Result<Image, ReadError> {
    let records = store.read(revision);
    let records = records.map_err(|error| ReadError::Read(error.into()))?;
    checkpoint::read_of(is_known, records)
}

/// Whether the checkpoint is damaged. If not, it may only be that it cannot be read now.
fn is_damage(error: &ReadError) -> bool {
    match error {
        ReadError::Read(error) => {
            let error = error.downcast_ref::<StoreError>();
            error.is_some_and(StoreError::is_damage)
        }
        ReadError::Epoch(_) | ReadError::Record { .. } | ReadError::Truncated => true,
    }
}
