//! Measures how long a watch has sent nothing.

use std::{pin::Pin, time::Duration};

use tokio::time::{self, Instant, Sleep};

/// A timer that elapses when a watch has sent nothing for an interval.
#[derive(Debug)]
pub(in crate::grpc::stream) struct IdleTimer {
    interval: Duration,
    since: Instant,
    /// It is not reset for each message, because that would cost more. When it completes, the
    /// rest of the interval since the last message is waited for.
    timer: Pin<Box<Sleep>>,
}

impl IdleTimer {
    pub(in crate::grpc::stream) fn new(interval: Duration) -> Self {
        Self {
            interval,
            since: Instant::now(),
            timer: Box::pin(time::sleep(interval)),
        }
    }

    /// Starts the interval again, because a message is sent.
    pub(in crate::grpc::stream) fn restart(&mut self) {
        self.since = Instant::now();
    }

    /// Waits until nothing was sent for the interval.
    pub(in crate::grpc::stream) async fn elapsed(&mut self) {
        loop {
            self.timer.as_mut().await;
            let left = self.interval.saturating_sub(self.since.elapsed());
            if left.is_zero() {
                return;
            }
            self.timer.as_mut().reset(Instant::now() + left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_elapses_an_interval_after_its_last_start() {
        let interval = Duration::from_secs(10);
        let mut idle = IdleTimer::new(interval);
        for pause in [0, 3, 9, 10, 25] {
            time::advance(Duration::from_secs(pause)).await;
            idle.restart();
            let restarted = Instant::now();
            idle.elapsed().await;
            assert_eq!(restarted.elapsed(), interval, "after {pause} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_does_not_elapse_if_it_is_restarted_in_time() {
        let mut idle = IdleTimer::new(Duration::from_secs(10));
        for _ in 0..5 {
            idle.restart();
            let ended = time::timeout(Duration::from_secs(9), idle.elapsed()).await;
            assert!(ended.is_err());
        }
    }
}
