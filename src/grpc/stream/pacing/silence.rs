//! How long a watch has sent nothing.

use std::{pin::Pin, time::Duration};

use tokio::time::{self, Instant, Sleep};

/// A silence, which ends when it has lasted for an interval.
#[derive(Debug)]
pub(in crate::grpc::stream) struct Silence {
    interval: Duration,
    since: Instant,
    /// Set for the end of this silence, or of an earlier one. When it goes off, what is
    /// left is waited for: that costs less than to set it for each message.
    timer: Pin<Box<Sleep>>,
}

impl Silence {
    pub(in crate::grpc::stream) fn new(interval: Duration) -> Self {
        Self {
            interval,
            since: Instant::now(),
            timer: Box::pin(time::sleep(interval)),
        }
    }

    /// Begins again, because something is sent.
    pub(in crate::grpc::stream) fn begin(&mut self) {
        self.since = Instant::now();
    }

    /// Waits for the end of the silence.
    pub(in crate::grpc::stream) async fn end(&mut self) {
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
    async fn a_silence_lasts_an_interval_from_when_it_began_last() {
        let interval = Duration::from_secs(10);
        let mut silence = Silence::new(interval);
        for pause in [0, 3, 9, 10, 25] {
            time::advance(Duration::from_secs(pause)).await;
            silence.begin();
            let began = Instant::now();
            silence.end().await;
            assert_eq!(began.elapsed(), interval, "after {pause} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silence_that_begins_again_does_not_end() {
        let mut silence = Silence::new(Duration::from_secs(10));
        for _ in 0..5 {
            silence.begin();
            let ended = time::timeout(Duration::from_secs(9), silence.end()).await;
            assert!(ended.is_err());
        }
    }
}
