//! What is done every second or so, as long as the service runs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::{
    task::JoinSet,
    time::{self, Interval, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Ended, recovery::Store};

use crate::{
    config::JournalConfig,
    event::Time,
    grpc::Health,
    journal::{DiskJournal, Entry, Journal, Payload, Revision, StoreError},
    roster::{Capture, Roster},
    webhook::wall_clock,
};

/// How often it is looked whether something is to be done. Also the most often
/// that a tick is journalled.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

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
        "health",
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
    let clock = wall_clock();
    let mut looks = looks();
    loop {
        looks.tick().await;
        let received_at = clock();
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
/// failed find out whether it works again.
async fn keep_looking_after(journal: Arc<dyn Journal>, health: Health) {
    let clock = wall_clock();
    let mut looks = looks();
    let mut was_writable = None;
    loop {
        looks.tick().await;
        let is_writable = journal.failure().is_none();
        if was_writable.replace(is_writable) != Some(is_writable) {
            health.set_writable(is_writable).await;
        }
        if !is_writable {
            journal.probe(clock());
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

impl From<&JournalConfig> for Checkpointing {
    fn from(config: &JournalConfig) -> Self {
        Self {
            interval: config.checkpoint_interval.into(),
            entries: config.checkpoint_entries,
            retention: config.retention.into(),
        }
    }
}

/// Writes a checkpoint when the last is too long ago or too much came after it.
async fn keep_checkpoints(journal: Arc<DiskJournal>, roster: Arc<Roster>, policy: Checkpointing) {
    let clock = wall_clock();
    let mut looks = looks();
    let latest = journal.checkpoints().unwrap_or_default();
    let mut last: Revision = latest.first().copied().unwrap_or(0);
    let mut began = Instant::now();
    loop {
        looks.tick().await;
        let news = journal.last().saturating_sub(last);
        let is_due = news >= policy.entries || (news > 0 && began.elapsed() >= policy.interval);
        if !is_due {
            continue;
        }
        let Some(capture) = roster.begin_checkpoint() else {
            // Users are still being told of a close: soon.
            continue;
        };
        began = Instant::now();
        let revision = capture.revision();
        let until = clock().saturating_sub(policy.retention);
        let journal = Arc::clone(&journal);
        let saved = tokio::task::spawn_blocking(move || save(&journal, capture, until)).await;
        match saved {
            Ok(Ok(())) => {
                last = revision;
                info!(revision, took = ?began.elapsed(), "wrote a checkpoint");
            }
            // The next is written when it is due again; until then a start takes longer.
            Ok(Err(error)) => {
                warn!(revision, %error, "cannot write a checkpoint");
                last = revision;
            }
            Err(panic) => warn!(revision, %panic, "cannot write a checkpoint"),
        }
    }
}

fn save(journal: &DiskJournal, capture: Capture, until: Time) -> Result<(), StoreError> {
    journal.save_checkpoint(capture.revision(), until, |sink| {
        capture.write(sink).map(|_| ())
    })
}
