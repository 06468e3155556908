//! Lets few heavy calls run at a time.
//!
//! A heavy call reads many rooms or users. It works in steps and lets other tasks run in
//! between. If hundreds of them ran at once, each would still wait for all of them.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task, time,
};
use tonic::Status;

/// How many calls of one kind run at a time. More would not be answered sooner, because they
/// do nothing but compute.
const RUNNING_MAX: usize = 4;

/// How long a call waits for its turn. A client that asks again later is better off than one
/// that waits longer.
const WAIT: Duration = Duration::from_secs(2);

/// The turns of one kind of heavy call.
#[derive(Debug)]
pub(super) struct Turns {
    running: Semaphore,
    refused: Counter,
}

impl Turns {
    /// Counts in `refused` the calls that were refused because no turn came.
    pub(super) fn new(refused: Counter) -> Self {
        Self {
            running: Semaphore::new(RUNNING_MAX),
            refused,
        }
    }

    /// Waits for a turn. It ends when the permit is dropped.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if none comes in time.
    pub(super) async fn take(&self) -> Result<SemaphorePermit<'_>, Status> {
        match time::timeout(WAIT, self.running.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => {
                self.refused.inc();
                Err(Status::resource_exhausted(
                    "too many heavy calls are running: try again",
                ))
            }
        }
    }
}

/// Ends a step of a heavy call: other tasks that are ready run first.
pub(super) async fn end_step() {
    task::yield_now().await;
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, future::join_all};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_call_too_many_waits_for_a_turn_and_is_refused_if_none_comes() {
        let refused = Counter::default();
        let turns = Turns::new(refused.clone());
        let mut running = join_all((0..RUNNING_MAX).map(|_| turns.take())).await;
        let began = time::Instant::now();
        let status = turns.take().await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        assert_eq!((began.elapsed(), refused.get()), (WAIT, 1));

        let mut waiting = Box::pin(turns.take());
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(running.pop());
        assert!(waiting.await.is_ok());
        assert_eq!(refused.get(), 1);
    }
}
