//! The parts of the service, each a task. None of them ends before the service drains, so
//! the end of one ends the service.

use std::{error::Error, time::Duration};

use tokio::{
    task::{JoinError, JoinSet},
    time::{self, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::error::ServerError;

/// The parts that run.
pub(super) type Parts = JoinSet<Ended>;

/// A part of the service that ran to its end.
pub(super) type Ended = (&'static str, Result<(), Box<dyn Error + Send + Sync>>);

/// Adds a part that looks at something now and every `interval`, until `drain` is cancelled.
pub(super) fn spawn_looks(
    parts: &mut Parts,
    drain: &CancellationToken,
    part: &'static str,
    interval: Duration,
    mut look: impl FnMut() + Send + 'static,
) {
    let drained = drain.clone();
    parts.spawn(async move {
        let keep_looking = async {
            let mut looks = time::interval(interval);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                looks.tick().await;
                look();
            }
        };
        drained.run_until_cancelled(keep_looking).await;
        (part, Ok(()))
    });
}

/// What the end of a part means while the service does not drain.
pub(super) fn failure(part: Option<Result<Ended, JoinError>>) -> ServerError {
    match part {
        Some(Ok((part, Err(reason)))) => ended(part, reason),
        Some(Ok((part, Ok(())))) => ended(part, "it was not told to".into()),
        Some(Err(panic)) => ended("a part of the service", panic.into()),
        None => ended("the service", "it has no parts".into()),
    }
}

/// Says that a part ended.
pub(super) fn ended(part: &'static str, reason: Box<dyn Error + Send + Sync>) -> ServerError {
    error!(part, %reason, "ended");
    ServerError::Ended { part, reason }
}
