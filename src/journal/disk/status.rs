//! The state of the writing thread that other threads can read.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

use tokio::sync::{Notify, SetOnce};

use super::room::LogRoom;
use crate::{
    domain::Histogram,
    journal::{Cause, Dropped, Revision, Room, Unappliable},
};

/// How the journal is doing.
#[derive(Debug, Default)]
pub(super) struct Status {
    failure: Mutex<Option<Cause>>,
    /// Why the journal ended, if an entry could not be applied.
    pub(super) stopped: SetOnce<Unappliable>,
    metrics: DiskMetrics,
    last: AtomicU64,
    room: Mutex<Room>,
    /// Told when an entry finds little room, or none.
    pub(super) short_of_room: Notify,
}

/// The metrics of the journal.
#[derive(Clone, Debug, Default)]
pub(super) struct DiskMetrics {
    entries: Counter,
    commits: Counter,
    refused: Counter,
    failing: Gauge,
    first: Gauge,
    quarantined: Gauge,
    bytes: Gauge,
    bytes_max: Gauge,
    dropped_early: Counter,
    /// How long appenders waited whose entries were made durable and applied.
    pub(super) append_time: Histogram,
    /// How long group commits took.
    pub(super) sync_time: Histogram,
}

impl Status {
    pub(super) fn metrics(&self) -> &DiskMetrics {
        &self.metrics
    }

    /// Why the journal cannot be written to; `None` if it can.
    pub(super) fn failure(&self) -> Option<Cause> {
        self.failure.lock().clone()
    }

    pub(super) fn failed(&self, cause: &Cause) {
        *self.failure.lock() = Some(cause.clone());
        self.metrics.failing.set(1);
    }

    pub(super) fn recovered(&self) {
        *self.failure.lock() = None;
        self.metrics.failing.set(0);
    }

    pub(super) fn appended(&self, first: Revision, count: usize) {
        let count = count as u64;
        self.metrics.entries.inc_by(count);
        self.metrics.commits.inc();
        self.last(first + count - 1);
    }

    pub(super) fn refused(&self, count: usize) {
        self.metrics.refused.inc_by(count as u64);
    }

    /// How much room there is for entries.
    pub(super) fn left(&self) -> Room {
        *self.room.lock()
    }

    /// Notes how much room there is, and what it takes.
    pub(super) fn room(&self, room: &LogRoom) {
        *self.room.lock() = room.left();
        self.metrics.bytes.set(gauged(room.space().bytes()));
        self.metrics.bytes_max.set(gauged(room.space().bytes_max()));
    }

    pub(super) fn dropped(&self, dropped: Dropped) {
        self.metrics.dropped_early.inc_by(dropped.early as u64);
    }

    pub(super) fn quarantined(&self, count: usize) {
        self.metrics.quarantined.set(count as i64);
    }

    /// The revision of the last entry that is durable.
    pub(super) fn last_revision(&self) -> Revision {
        self.last.load(Ordering::Acquire)
    }

    pub(super) fn first(&self, first: Revision) {
        self.metrics.first.set(first as i64);
    }

    pub(super) fn last(&self, last: Revision) {
        self.last.store(last, Ordering::Release);
    }
}

/// A number as a gauge has it.
fn gauged(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

impl DiskMetrics {
    /// Adds them to a registry.
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "journal_entries",
            "Entries made durable",
            self.entries.clone(),
        );
        registry.register(
            "journal_commits",
            "Group commits, each one sync of the disk",
            self.commits.clone(),
        );
        registry.register(
            "journal_refused",
            "Entries that could not be made durable: their callbacks were answered 503",
            self.refused.clone(),
        );
        registry.register(
            "journal_failing",
            "1 while the journal cannot be written to",
            self.failing.clone(),
        );
        registry.register(
            "journal_first_revision",
            "The first entry that is still kept",
            self.first.clone(),
        );
        registry.register(
            "journal_quarantined",
            "Entries without effect, because an operator quarantined them",
            self.quarantined.clone(),
        );
        registry.register(
            "journal_bytes",
            "What the files of the data folder take",
            self.bytes.clone(),
        );
        registry.register(
            "journal_bytes_max",
            "The most that they may take",
            self.bytes_max.clone(),
        );
        registry.register(
            "journal_segments_dropped_early",
            "Segments that were dropped before their retention was over, because there was little room",
            self.dropped_early.clone(),
        );
        registry.register(
            "journal_append_seconds",
            "How long an entry waited until it was durable and applied",
            self.append_time.clone(),
        );
        registry.register(
            "journal_sync_seconds",
            "How long a group commit took: to write its entries and to sync the disk",
            self.sync_time.clone(),
        );
    }
}
