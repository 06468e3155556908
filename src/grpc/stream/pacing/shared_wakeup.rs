//! When the watches of a busy room send that were held up: all with one beat, so that
//! what goes to many of them over one connection is written together.

use std::time::Duration;

use tokio::time::{self, Instant};

use crate::{
    grpc::stream::pacing::rate::{MESSAGE_INTERVAL, SAVED},
    roster::{Ringer, Watched},
};

/// Rings for the watches that are held up, until it is quiet or nobody waits. After such
/// a quiet none of them is held up any more.
pub(in crate::grpc) async fn ring<S: Watched>(mut ringer: Ringer<S>) {
    const QUIET: Duration = SAVED.saturating_add(MESSAGE_INTERVAL);
    let mut beat = Beat::new();
    while time::timeout(QUIET, ringer.news()).await.is_ok() {
        beat.next().await;
        if !ringer.ring() {
            break;
        }
    }
}

/// When watches that are held up send.
#[derive(Debug)]
struct Beat {
    last: Instant,
}

impl Beat {
    /// One that begins now.
    fn new() -> Self {
        Self {
            last: Instant::now(),
        }
    }

    /// Waits for the next: when it is time, or else with the next tick of the timer, so
    /// that what comes at about the same time goes along.
    async fn next(&mut self) {
        let soon = Instant::now() + Duration::from_nanos(1);
        // Not when it came to it, which is up to a tick later.
        self.last = soon.max(self.last + MESSAGE_INTERVAL);
        time::sleep_until(self.last).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn beats_are_an_interval_apart_and_never_at_once() {
        let mut beat = Beat::new();
        let begin = Instant::now();
        for number in 1..=250 {
            beat.next().await;
            assert_eq!(begin.elapsed(), number * MESSAGE_INTERVAL);
        }
        time::advance(SAVED).await;
        let late = Instant::now();
        beat.next().await;
        assert_eq!(late.elapsed(), Duration::from_millis(1));
    }
}
