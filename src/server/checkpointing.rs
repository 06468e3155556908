//! Writes checkpoints as long as the service runs, and drops old checkpoints and entries.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    task::{self, JoinError},
    time,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{parts::Parts, upkeep::looks};
use crate::{
    checkpoint::{self, Checkpoints, RecordSink},
    config::JournalConfig,
    domain::{Clock, Time},
    journal::{Journal, Revision, StoreError},
    roster::{Capture, Roster},
};

/// How often old entries are dropped.
const DROP_INTERVAL: Duration = Duration::from_secs(60);

/// When checkpoints are written, and how long entries are kept.
#[derive(Clone, Debug)]
pub(super) struct CheckpointPolicy {
    /// A checkpoint is written at least this often, if there are new entries.
    interval: Duration,
    /// A checkpoint is written after so many entries.
    entries: u64,
    /// Entries are kept for so long.
    retention: Duration,
    clock: Clock,
}

impl CheckpointPolicy {
    /// The policy of a configuration. `clock` tells how old entries are.
    pub(super) fn new(config: &JournalConfig, clock: Clock) -> Self {
        Self {
            interval: config.checkpoint_interval.into(),
            entries: config.checkpoint_entries,
            retention: config.retention.into(),
            clock,
        }
    }

    /// Entries that were received at this time or later are kept. The system's clock does not
    /// decide: while it is ahead, everything would seem old.
    fn keep_from(&self) -> Time {
        let now = self.clock.times().tick().unwrap_or(Time::MIN);
        now.saturating_sub(self.retention)
    }
}

/// A start that finds so many entries after the latest checkpoint writes one at once. Without that
/// a service which ends again and again, sooner than a checkpoint is due, would have more to
/// replay each time. So many are replayed in a moment.
const REPLAYED_MAX: u64 = 10_000;

/// How long until a capture that cannot begin yet is tried again.
const CAPTURE_RETRY: Duration = Duration::from_millis(10);

/// Writes checkpoints and drops old ones until `drain` is cancelled. The first one is written at
/// once if `is_due`.
pub(super) fn spawn(
    parts: &mut Parts,
    drain: &CancellationToken,
    journal: Arc<dyn Journal>,
    checkpoints: Checkpoints,
    roster: Arc<Roster>,
    policy: CheckpointPolicy,
    is_due: bool,
) {
    let drained = drain.clone();
    parts.spawn(async move {
        let work = keep_checkpoints(journal, checkpoints, roster, policy, is_due);
        drained.run_until_cancelled(work).await;
        ("checkpoints", Ok(()))
    });
}

/// Writes a checkpoint when the last is too old or has too many entries after it, and drops
/// what is old.
async fn keep_checkpoints(
    journal: Arc<dyn Journal>,
    checkpoints: Checkpoints,
    roster: Arc<Roster>,
    policy: CheckpointPolicy,
    mut is_due: bool,
) {
    let mut looks = looks();
    let latest = checkpoints.store().list().unwrap_or_default();
    let mut last: Revision = latest.first().copied().unwrap_or(0);
    is_due |= journal.last().saturating_sub(last) >= REPLAYED_MAX;
    let mut began = Instant::now();
    let mut dropped = Instant::now();
    let mut is_late = false;
    loop {
        looks.tick().await;
        // Also when no checkpoint can be written: it frees space on the disk.
        if dropped.elapsed() >= DROP_INTERVAL {
            dropped = Instant::now();
            drop_old(&checkpoints, &policy).await;
        }
        let news = journal.last().saturating_sub(last);
        is_due |= news >= policy.entries || began.elapsed() >= policy.interval;
        if !is_due || news == 0 {
            continue;
        }
        let Some(capture) = roster.begin_capture() else {
            if !is_late && began.elapsed() >= 2 * policy.interval {
                is_late = true;
                warn!("no checkpoint can be written: rooms with many users close all the time");
            }
            continue;
        };
        (began, is_late, is_due) = (Instant::now(), false, false);
        last = capture.revision();
        // If this fails, the next checkpoint is written when it is due. Until then a start
        // takes longer.
        write(&checkpoints, capture, &policy).await;
    }
}

/// Writes a checkpoint, if the journal has entries that the latest checkpoint has not: then a
/// start has little to replay. Of a roster that does not change any more, it has nothing to.
pub(super) async fn write_news(
    checkpoints: &Checkpoints,
    last: Revision,
    roster: &Arc<Roster>,
    policy: &CheckpointPolicy,
) {
    if !roster.is_whole() {
        return;
    }
    let capture = loop {
        let latest = checkpoints.store().list().unwrap_or_default();
        if latest.first().copied().unwrap_or(0) >= last {
            return;
        }
        // A checkpoint that is being written is waited for.
        match roster.begin_capture() {
            Some(capture) => break capture,
            None => time::sleep(CAPTURE_RETRY).await,
        }
    };
    write(checkpoints, capture, policy).await;
}

async fn write(checkpoints: &Checkpoints, capture: Capture, policy: &CheckpointPolicy) {
    let (began, revision) = (Instant::now(), capture.revision());
    let (checkpoints, keep_from) = (checkpoints.clone(), policy.keep_from());
    let write = move || {
        let records = Box::new(|sink: RecordSink<'_>| checkpoint::write(capture, sink).map(|_| ()));
        checkpoints.write(revision, keep_from, records)
    };
    match outcome(task::spawn_blocking(write).await) {
        Ok(()) => info!(revision, took = ?began.elapsed(), "wrote a checkpoint"),
        Err(reason) => warn!(revision, reason, "cannot write a checkpoint"),
    }
}

async fn drop_old(checkpoints: &Checkpoints, policy: &CheckpointPolicy) {
    let (checkpoints, keep_from) = (checkpoints.clone(), policy.keep_from());
    let dropped = task::spawn_blocking(move || checkpoints.drop_old(keep_from)).await;
    if let Err(reason) = outcome(dropped) {
        warn!(reason, "cannot drop old checkpoints and entries");
    }
}

/// The outcome of work on another thread; why, if it failed.
fn outcome(done: Result<Result<(), StoreError>, JoinError>) -> Result<(), String> {
    match done {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(panic) => Err(panic.to_string()),
    }
}

#[cfg(test)]
mod tests;
