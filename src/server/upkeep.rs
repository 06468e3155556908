//! What the service does every second: it journals ticks, and tries a failing journal again.

use std::{error::Error, sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::time::{self, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{error::ServerError, parts::Parts};
use crate::{
    domain::Clock,
    grpc::Health,
    journal::{Entry, Journal, Payload},
    net::Readiness,
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
    ready: &Readiness,
    clock: &Clock,
) {
    let mut keep = |what, work: BoxFuture<'static, Result<(), BoxError>>| {
        let drained = drain.clone();
        parts.spawn(async move {
            let ended = drained.run_until_cancelled(work).await;
            (what, ended.unwrap_or(Ok(())))
        });
    };
    let forgetting = keep_forgetting(Arc::clone(journal), Arc::clone(roster), clock.clone());
    keep("forgetting", forgetting.map(Ok).boxed());
    let looking_after = keep_looking_after(
        Arc::clone(journal),
        health.clone(),
        ready.clone(),
        clock.clone(),
    );
    keep("the journal", looking_after.map(Err).boxed());
}

type BoxError = Box<dyn Error + Send + Sync>;

/// An interval of a second.
pub(super) fn looks() -> Interval {
    let mut interval = time::interval(LOOK_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Journals a tick when something is due to be forgotten, at most once a second. What is due
/// follows from the [tick's time](crate::domain::Times::tick), which no wrong clock of this machine
/// carries ahead. It has no end.
pub async fn keep_forgetting(journal: Arc<dyn Journal>, roster: Arc<Roster>, clock: Clock) {
    let mut looks = looks();
    loop {
        looks.tick().await;
        forget_due(&*journal, &roster, &clock).await;
    }
}

/// Journals a tick if something is due to be forgotten, and forgets history that is too old.
pub async fn forget_due(journal: &dyn Journal, roster: &Roster, clock: &Clock) {
    // Without a vendor's time nothing is due, because nothing is known.
    let Some(received_at) = clock.times().tick() else {
        return;
    };
    roster.trim_history(received_at);
    if !roster.is_tick_due(received_at) {
        return;
    }
    let payload = Payload::Tick;
    let tick = Entry {
        received_at,
        payload,
    };
    if let Err(error) = journal.append(tick).await {
        // The next look tries again, because what is due stays due.
        warn!(%error, "cannot journal a tick");
    }
}

/// Tells health how the service is, and lets the journal look whether entries can be made
/// durable, and one that failed try again. Returns why the journal has ended, when it has.
async fn keep_looking_after(
    journal: Arc<dyn Journal>,
    health: Health,
    ready: Readiness,
    clock: Clock,
) -> BoxError {
    let mut looks = looks();
    let mut stopped = journal.stopped();
    loop {
        let entry = tokio::select! {
            biased;
            entry = &mut stopped => Some(entry),
            _ = looks.tick() => None,
        };
        if let Some(entry) = entry {
            // What the entry changed by half is not to be served.
            let error = ServerError::from(entry);
            ready.stop(error.to_string());
            health.tell(&ready).await;
            return error.into();
        }
        health.tell(&ready).await;
        if journal.is_over() {
            return "it was not told to".into();
        }
        journal.probe(clock.times().received_at());
    }
}
