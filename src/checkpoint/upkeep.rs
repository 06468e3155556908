//! Writes checkpoints of a running journal, and drops the checkpoints and entries that are no
//! longer needed.

use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};
use tokio::{
    sync::{OwnedRwLockReadGuard, RwLock},
    time::Instant,
};

use super::{
    retention::{OldEntries, droppable},
    store::{CheckpointStore, WriteRecords},
};
use crate::{
    domain::{GaugeFn, Time},
    journal::{Dropped, Journal, Revision, StoreError},
};

/// A journal and the store of its checkpoints.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    journal: Arc<dyn Journal>,
    store: Arc<dyn CheckpointStore>,
    /// The last revision that this process wrote a checkpoint at. Locked while one is written,
    /// because a second at the same revision would write to the same file.
    written: Arc<Mutex<Revision>>,
    /// When this process last wrote one; at first, when it began.
    written_at: Arc<Mutex<Instant>>,
    /// Who drops something writes to it, who needs everything reads it.
    dropping: Arc<RwLock<()>>,
    metrics: CheckpointMetrics,
}

/// No checkpoint and no entry is dropped as long as this is kept.
#[derive(Debug)]
#[must_use = "dropping it ends it"]
pub struct Lease(#[expect(dead_code, reason = "it is kept, not read")] OwnedRwLockReadGuard<()>);

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
        let metrics = CheckpointMetrics::default();
        // Those that cannot be listed are noticed by the start, which reads the latest.
        let latest = store.list().unwrap_or_default().first().copied();
        metrics.last_revision.set(latest.unwrap_or(0) as i64);
        Self {
            journal,
            store,
            written: Arc::default(),
            written_at: Arc::new(Mutex::new(Instant::now())),
            dropping: Arc::default(),
            metrics,
        }
    }

    /// The store of the checkpoints.
    pub fn store(&self) -> &dyn CheckpointStore {
        &*self.store
    }

    /// Keeps everything that there is, as long as the lease is kept. Waits for those who drop
    /// something.
    pub async fn lease(&self) -> Lease {
        Lease(Arc::clone(&self.dropping).read_owned().await)
    }

    /// Whether somebody has a [lease](Self::lease).
    pub fn is_leased(&self) -> bool {
        self.dropping.try_write().is_err()
    }

    /// Writes a checkpoint, unless this already wrote one that is as late. Then [drops old
    /// checkpoints and entries](Self::drop_old). Waits for a checkpoint that is being written.
    /// Blocks.
    ///
    /// # Errors
    /// When the checkpoint cannot be written: then nothing is dropped. Also when an older
    /// checkpoint cannot be removed: then the new one is written.
    pub fn write(
        &self,
        revision: Revision,
        keep_from: Time,
        records: WriteRecords<'_>,
    ) -> Result<Dropped, StoreError> {
        let mut written = self.written.lock();
        if *written >= revision {
            return Ok(Dropped::default());
        }
        if let Err(error) = self.store.write(revision, records) {
            self.metrics.failures.inc();
            return Err(error);
        }
        *written = revision;
        drop(written);
        *self.written_at.lock() = Instant::now();
        self.metrics.written.inc();
        self.metrics.last_revision.set(revision as i64);
        self.journal.note_checkpoint();
        self.drop_old(keep_from)
    }

    /// Drops all checkpoints but the latest two, and entries that the older of those covers:
    /// those that were received before `keep_from`, and others as long as the journal has little
    /// [room](Journal::room). Does nothing while there is a [lease](Self::lease), or while
    /// somebody else does it. Blocks.
    ///
    /// # Errors
    /// When a checkpoint cannot be removed. Then no entry is dropped.
    pub fn drop_old(&self, keep_from: Time) -> Result<Dropped, StoreError> {
        let Ok(_dropping) = self.dropping.try_write() else {
            return Ok(Dropped::default());
        };
        let droppable = droppable(&self.store.list()?, keep_from);
        if !droppable.checkpoints.is_empty() {
            self.store.remove(&droppable.checkpoints)?;
        }
        let entries = droppable.entries;
        let dropped = entries.map(
            |OldEntries {
                 before,
                 received_before,
             }| self.journal.drop_before(before, received_before),
        );
        Ok(dropped.unwrap_or_default())
    }

    /// Drops as [`drop_old`](Self::drop_old) does, what the latest checkpoint covers, once it was
    /// read back: a journal without room goes on, for the price that a start has no other
    /// checkpoint to begin with. Blocks.
    ///
    /// # Errors
    /// When the checkpoint cannot be read, or is damaged. Then no entry is dropped.
    pub fn drop_covered(&self, keep_from: Time) -> Result<Dropped, StoreError> {
        let Ok(_dropping) = self.dropping.try_write() else {
            return Ok(Dropped::default());
        };
        let Some(latest) = self.store.list()?.first().copied() else {
            return Ok(Dropped::default());
        };
        for record in self.store.read(latest)? {
            record?;
        }
        Ok(self.journal.drop_before(latest + 1, keep_from))
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
            "The revision of the latest checkpoint",
            last_revision,
        );
        let written_at = Arc::clone(&self.written_at);
        GaugeFn::register(
            registry,
            "checkpoint_age_seconds",
            "How long ago this process wrote its last checkpoint, or began",
            move || written_at.lock().elapsed().as_secs_f64(),
        );
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::Ordering, time::Duration};

    use futures_util::future::FutureExt as _;
    use prometheus_client::encoding::text;

    use super::*;
    use crate::{
        checkpoint::memory::MemoryCheckpoints,
        journal::{
            io_kind,
            recording::{RecordingJournal, Told},
        },
    };

    fn parts() -> (Arc<RecordingJournal>, Arc<MemoryCheckpoints>, Checkpoints) {
        let journal = Arc::new(RecordingJournal::default());
        let store = Arc::new(MemoryCheckpoints::default());
        let checkpoints = Checkpoints::new(
            Arc::<RecordingJournal>::clone(&journal),
            Arc::<MemoryCheckpoints>::clone(&store),
        );
        (journal, store, checkpoints)
    }

    #[test]
    fn a_checkpoint_replaces_the_oldest_only_once_it_is_written() {
        let (journal, store, checkpoints) = parts();
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

    #[tokio::test(start_paused = true)]
    async fn the_age_is_that_of_the_last_checkpoint_whose_revision_is_known_from_the_start() {
        let (journal, store, checkpoints) = parts();
        let write = |checkpoints: &Checkpoints, revision| {
            checkpoints
                .write(revision, Time::MIN, Box::new(|_| Ok(())))
                .unwrap();
        };
        write(&checkpoints, 10);
        let restarted = Checkpoints::new(journal, store);
        let mut registry = Registry::default();
        restarted.register(&mut registry);
        let shows = |age: &str, revision: &str| {
            let mut page = String::new();
            text::encode(&mut page, &registry).unwrap();
            for line in [
                format!("checkpoint_age_seconds {age}"),
                format!("journal_checkpoint_revision {revision}"),
            ] {
                assert!(page.lines().any(|found| found == line), "{line}\n{page}");
            }
        };
        tokio::time::advance(Duration::from_secs(7)).await;
        shows("7.0", "10");
        write(&restarted, 20);
        shows("0.0", "20");
    }

    #[test]
    fn nothing_is_dropped_as_long_as_somebody_has_a_lease() {
        let (journal, store, checkpoints) = parts();
        let write = |revision| checkpoints.write(revision, Time::MIN, Box::new(|_| Ok(())));
        let leases = [(), ()].map(|()| checkpoints.lease().now_or_never().unwrap());
        for lease in leases {
            let latest = store.list().unwrap().first().copied().unwrap_or(0);
            for n in 1..=3 {
                write(latest + n).unwrap();
            }
            drop(lease);
        }
        assert_eq!(store.list().unwrap().len(), 6);
        let is_drop = |told: &Told| matches!(told, Told::DropBefore(..));
        assert!(!journal.told.lock().iter().any(is_drop));
        checkpoints.drop_old(Time::MIN).unwrap();
        assert_eq!(store.list().unwrap(), [6, 5]);
        assert!(journal.told.lock().iter().any(is_drop));
    }

    #[test]
    fn one_checkpoint_is_written_at_a_time_and_none_twice() {
        let (_, store, checkpoints) = parts();
        let during = checkpoints.clone();
        let records = Box::new(move |_: crate::checkpoint::RecordSink<'_>| {
            assert!(during.written.is_locked());
            Ok(())
        });
        checkpoints.write(10, Time::MIN, records).unwrap();
        // As by a stop, which does not know that the last was just finished.
        for revision in [10, 9] {
            let never = Box::new(|_: crate::checkpoint::RecordSink<'_>| panic!("it is written"));
            checkpoints.write(revision, Time::MIN, never).unwrap();
        }
        assert_eq!(store.list().unwrap(), [10]);
    }
}
