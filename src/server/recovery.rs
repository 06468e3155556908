//! Brings a roster to the state that the journal describes.

use super::{
    error::ServerError,
    latest_checkpoint::{Latest, latest},
    storage::Storage,
};
use crate::roster::{Applier, Image};

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
    let Latest { image, damaged, .. } = latest(store, &is_known).map_err(failed)?;
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

#[cfg(test)]
pub(super) mod lost_files;
#[cfg(test)]
mod planted_panics;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::{
        checkpoint::{
            self, CheckpointStore as _, Checkpoints, RecordSink, memory::MemoryCheckpoints,
        },
        domain::{AppName, Logins, Time},
        journal::{
            Entry, Epoch, Follower as _, Journal as _, Payload, recording::RecordingJournal,
        },
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
