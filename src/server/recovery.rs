//! Brings a roster to the state that the journal describes.

use tracing::{info, warn};

use super::{error::ServerError, storage::Storage};
use crate::{
    checkpoint::{self, CheckpointStore, ReadError},
    journal::{Epoch, Revision, StoreError},
    roster::{Applier, Image},
};

/// Installs the latest checkpoint, applies the entries after it, and lets the roster follow
/// the journal from there. Blocks for as long as that takes.
pub(super) fn recover(storage: &Storage, mut applier: Applier) -> Result<(), ServerError> {
    let Storage {
        journal,
        checkpoints,
        disk: _,
    } = storage;
    let Some(store) = checkpoints.as_ref().map(|checkpoints| checkpoints.store()) else {
        return Ok(journal.follow(0, Box::new(applier))?);
    };
    let failed = |source| ServerError::Checkpoints {
        location: store.location().to_owned(),
        source,
    };
    let is_known = |epoch| journal.has_had(epoch);
    let Latest { image, damaged } = latest(store, &is_known).map_err(failed)?;
    let after = image.as_ref().map_or(0, Image::revision);
    if let Some(image) = image {
        applier.install(image);
    }
    journal.follow(after, Box::new(applier))?;
    // The journal has all entries since an older checkpoint, so these are not needed.
    for revision in damaged {
        store.set_aside(revision).map_err(failed)?;
    }
    Ok(())
}

/// What a start found in the store.
pub(super) struct Latest {
    /// The latest checkpoint that loads.
    pub(super) image: Option<Image>,
    /// Later ones that are damaged. They must not count as checkpoints that are kept.
    damaged: Vec<Revision>,
}

/// Finds the latest checkpoint that loads, of those whose epoch is known.
pub(super) fn latest(
    store: &dyn CheckpointStore,
    is_known: &dyn Fn(Epoch) -> bool,
) -> Result<Latest, StoreError> {
    let mut damaged = Vec::new();
    for revision in store.list()? {
        match load(store, is_known, revision) {
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

#[cfg(test)]
pub(super) mod lost_files;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::{
        checkpoint::{Checkpoints, RecordSink, memory::MemoryCheckpoints},
        domain::{AppName, Logins, Time},
        journal::{Entry, Follower as _, Journal as _, Payload, recording::RecordingJournal},
        reconcile::Rules,
        roster::{Limits, Roster},
    };

    pub(super) fn roster(epoch: Epoch) -> (Arc<Roster>, Applier) {
        let apps = [(AppName::from("arena"), Logins::Concurrent)];
        Roster::new(epoch, apps, Rules::default(), Limits::default())
    }

    #[test]
    fn a_start_uses_the_latest_checkpoint_that_loads_and_sets_damaged_ones_aside() {
        let journal = Arc::new(RecordingJournal::default());
        let store = Arc::new(MemoryCheckpoints::default());
        let (captured, mut applier) = roster(journal.epoch());
        let tick = Entry {
            received_at: Time::MIN,
            payload: Payload::Tick,
        };
        (1..=5).for_each(|revision| applier.apply(revision, &tick));
        let capture = captured.begin_capture().unwrap();
        let records = |sink: RecordSink<'_>| checkpoint::write(capture, sink).map(|_| ());
        store.write(5, Box::new(records)).unwrap();
        let damaged = vec![Bytes::from_static(b"\xff")];
        store.checkpoints.lock().insert(9, Some(damaged));
        // It may only be that it cannot be read now.
        store.checkpoints.lock().insert(12, None);

        let storage = Storage {
            journal: Arc::<RecordingJournal>::clone(&journal),
            checkpoints: Some(Checkpoints::new(
                Arc::<RecordingJournal>::clone(&journal),
                Arc::<MemoryCheckpoints>::clone(&store),
            )),
            disk: None,
        };
        let (restored, applier) = roster(journal.epoch());
        recover(&storage, applier).unwrap();
        assert_eq!(restored.applied(), 5);
        assert_eq!(*journal.followed.lock(), [5]);
        assert_eq!(*store.set_aside.lock(), [9]);
        assert_eq!(store.list().unwrap(), [12, 5]);
    }
}
