//! Writes checkpoints as long as the service runs, and drops old checkpoints and entries.

mod keeper;

use std::{sync::Arc, time::Duration};

use tokio::{
    task::{self, JoinError},
    time::{self, Instant},
};
use tracing::{info, warn};

use crate::{
    checkpoint::{self, Checkpoints, RecordSink},
    config::JournalConfig,
    domain::{Clock, Time},
    journal::{Dropped, Revision, StoreError},
    roster::{Capture, Roster},
};

pub(super) use self::keeper::{Keeper, spawn};

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

/// How long until a capture that cannot begin yet is tried again.
const CAPTURE_RETRY: Duration = Duration::from_millis(10);

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

/// Writes a checkpoint, and drops what is old then. Returns what was dropped; `None` if it cannot
/// be written.
async fn write(
    checkpoints: &Checkpoints,
    capture: Capture,
    policy: &CheckpointPolicy,
) -> Option<Dropped> {
    let (began, revision) = (Instant::now(), capture.revision());
    let (checkpoints, keep_from) = (checkpoints.clone(), policy.keep_from());
    let write = move || {
        let records = Box::new(|sink: RecordSink<'_>| checkpoint::write(capture, sink).map(|_| ()));
        checkpoints.write(revision, keep_from, records)
    };
    match outcome(task::spawn_blocking(write).await) {
        Ok(dropped) => {
            info!(revision, took = ?began.elapsed(), "wrote a checkpoint");
            Some(dropped)
        }
        Err(reason) => {
            warn!(revision, reason, "cannot write a checkpoint");
            None
        }
    }
}

/// The outcome of work on another thread; why, if it failed.
fn outcome<T>(done: Result<Result<T, StoreError>, JoinError>) -> Result<T, String> {
    match done {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(panic) => Err(panic.to_string()),
    }
}

#[cfg(test)]
mod tests;
