//! What is done every second or so, as long as the service runs: ticks are journalled, and
//! a failing journal is tried again.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::time::{self, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::parts::Parts;
use crate::{
    domain::Clock,
    grpc::Health,
    journal::{Entry, Journal, Payload},
    roster::Roster,
};

/// How often it is checked whether something is to be done. Ticks are not journalled more
/// often either.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Does it until `drain` is cancelled.
pub(super) fn spawn(
    parts: &mut Parts,
    health: &Health,
    drain: &CancellationToken,
    journal: &Arc<dyn Journal>,
    roster: &Arc<Roster>,
) {
    let mut keep = |what, work: BoxFuture<'static, ()>| {
        let drained = drain.clone();
        parts.spawn(async move {
            drained.run_until_cancelled(work).await;
            (what, Ok(()))
        });
    };
    keep(
        "forgetting",
        keep_forgetting(Arc::clone(journal), Arc::clone(roster)).boxed(),
    );
    keep(
        "the journal",
        keep_looking_after(Arc::clone(journal), health.clone()).boxed(),
    );
}

/// One a second.
pub(super) fn looks() -> Interval {
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
