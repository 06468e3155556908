//! What the service does every second: it journals ticks, and tries a failing journal again.

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

/// How often the service checks whether there is something to do. It journals ticks at most
/// this often.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Journals ticks and tries a failing journal again, until `drain` is cancelled.
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
        keep_forgetting(Arc::clone(journal), Arc::clone(roster), Clock::system()).boxed(),
    );
    keep(
        "the journal",
        keep_looking_after(Arc::clone(journal), health.clone()).boxed(),
    );
}

/// An interval of a second.
pub(super) fn looks() -> Interval {
    let mut interval = time::interval(LOOK_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Journals a tick when something is due to be forgotten, at most once a second. It has no
/// end.
pub async fn keep_forgetting(journal: Arc<dyn Journal>, roster: Arc<Roster>, clock: Clock) {
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
                // The next look tries again, because what is due stays due.
                warn!(%error, "cannot journal a tick");
            }
        }
    }
}

/// Reports in health whether entries can be made durable, and lets a journal that failed try
/// again. Returns when the journal has ended.
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
