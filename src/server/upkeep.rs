//! What is done every second or so, as long as the service runs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::{
    task::{self, JoinError, JoinSet},
    time::{self, Interval, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Ended, recovery::Store};

use crate::{
    checkpoint,
    config::JournalConfig,
    domain::{Clock, Time},
    grpc::Health,
    journal::{DiskJournal, Entry, Journal, Payload, Revision, StoreError},
    roster::{Capture, Roster},
};

/// How often it is looked whether something is to be done. Also the most often
/// that a tick is journalled.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How often it is looked whether entries are older than they need to be.
const DROP_INTERVAL: Duration = Duration::from_secs(60);

/// Does all of it until `drain` is cancelled.
pub(super) fn spawn(
    parts: &mut JoinSet<Ended>,
    health: &Health,
    drain: &CancellationToken,
    store: &Store,
    roster: &Arc<Roster>,
    policy: Checkpointing,
) {
    let mut keep = |what, work: BoxFuture<'static, ()>| {
        let drained = drain.clone();
        parts.spawn(async move {
            drained.run_until_cancelled(work).await;
            (what, Ok(()))
        });
    };
    let journal = || store.journal();
    keep(
        "forgetting",
        keep_forgetting(journal(), Arc::clone(roster)).boxed(),
    );
    keep(
        "the journal",
        keep_looking_after(journal(), health.clone()).boxed(),
    );
    if let Store::Disk(journal) = store {
        let checkpoints = keep_checkpoints(Arc::clone(journal), Arc::clone(roster), policy);
        keep("checkpoints", checkpoints.boxed());
    }
}

fn looks() -> Interval {
    let mut interval = time::interval(LOOK_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Journals a tick when something is due to be forgotten, at most once a second.
async fn keep_forgetting(journal: Arc<dyn Journal>, roster: Arc<Roster>) {
    let clock = Clock::system();
    let mut looks = looks();
    loop {
        looks.tick().await;
        let received_at = clock.now();
        roster.trim_history(received_at);
        if roster.is_tick_due(received_at) {
            let payload = Payload::Tick;
            let appended = journal
                .append(Entry {
                    received_at,
                    payload,
                })
                .await;
            if let Err(error) = appended {
                // What is due stays due: the next tick tries again.
                warn!(%error, "cannot journal a tick");
            }
        }
    }
}

/// Says in health whether entries can be made durable, and lets a journal that
/// failed find out whether it works again. Returns when nothing can make it.
async fn keep_looking_after(journal: Arc<dyn Journal>, health: Health) {
    let clock = Clock::system();
    let mut looks = looks();
    let mut was_writable = None;
    loop {
        looks.tick().await;
        let is_writable = journal.failure().is_none();
        if was_writable.replace(is_writable) != Some(is_writable) {
            health.set_writable(is_writable).await;
        }
        if journal.is_over() {
            return;
        }
        if !is_writable {
            journal.probe(clock.now());
        }
    }
}

/// When checkpoints are written, and what is kept beside them.
#[derive(Clone, Debug)]
pub(super) struct Checkpointing {
    pub(super) interval: Duration,
    pub(super) entries: u64,
    pub(super) retention: Duration,
}

impl Checkpointing {
    /// Entries from before this are not kept for longer.
    fn until(&self) -> Time {
        Clock::system().now().saturating_sub(self.retention)
    }
}

impl From<&JournalConfig> for Checkpointing {
    fn from(config: &JournalConfig) -> Self {
        Self {
            interval: config.checkpoint_interval.into(),
            entries: config.checkpoint_entries,
            retention: config.retention.into(),
        }
    }
}

/// Writes a checkpoint when the last is too long ago or too much came after it, and
/// drops what is old.
async fn keep_checkpoints(journal: Arc<DiskJournal>, roster: Arc<Roster>, policy: Checkpointing) {
    let mut looks = looks();
    let latest = journal.checkpoints().unwrap_or_default();
    let mut last: Revision = latest.first().copied().unwrap_or(0);
    let mut began = Instant::now();
    let mut dropped = Instant::now();
    let mut is_late = false;
    loop {
        looks.tick().await;
        // Also where no checkpoint can be written: it makes room.
        if dropped.elapsed() >= DROP_INTERVAL {
            dropped = Instant::now();
            drop_old(&journal, &policy).await;
        }
        let news = journal.last().saturating_sub(last);
        let is_due = news >= policy.entries || (news > 0 && began.elapsed() >= policy.interval);
        if !is_due {
            continue;
        }
        let Some(capture) = roster.begin_capture() else {
            if !is_late && began.elapsed() >= 2 * policy.interval {
                is_late = true;
                warn!("no checkpoint can be written: rooms with many users close all the time");
            }
            continue;
        };
        (began, is_late) = (Instant::now(), false);
        last = capture.revision();
        // If it fails, the next is written when it is due again, and until then a
        // start takes longer.
        write(&journal, capture, &policy).await;
    }
}

async fn write(journal: &Arc<DiskJournal>, capture: Capture, policy: &Checkpointing) {
    let (began, revision) = (Instant::now(), capture.revision());
    let (journal, until) = (Arc::clone(journal), policy.until());
    let save = move || {
        journal.save_checkpoint(revision, until, |sink| {
            checkpoint::write(capture, sink).map(|_| ())
        })
    };
    match told(task::spawn_blocking(save).await) {
        Ok(()) => info!(revision, took = ?began.elapsed(), "wrote a checkpoint"),
        Err(reason) => warn!(revision, reason, "cannot write a checkpoint"),
    }
}

async fn drop_old(journal: &Arc<DiskJournal>, policy: &Checkpointing) {
    let (journal, until) = (Arc::clone(journal), policy.until());
    if let Err(reason) = told(task::spawn_blocking(move || journal.drop_old(until)).await) {
        warn!(reason, "cannot drop what is old");
    }
}

/// What became of work on another thread, in words if it failed.
fn told(done: Result<Result<(), StoreError>, JoinError>) -> Result<(), String> {
    match done {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(panic) => Err(panic.to_string()),
    }
}
