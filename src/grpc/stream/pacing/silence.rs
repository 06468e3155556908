//! How long a watch was told nothing.

use std::{pin::Pin, time::Duration};

use tokio::time::{self, Instant, Sleep};

/// Ends when it has lasted for an interval.
#[derive(Debug)]
pub(in crate::grpc) struct Silence {
    interval: Duration,
    since: Instant,
    /// Set for its end, or for that of one before: to set it again for each message
    /// of a busy room costs more than to look again when it goes off.
    timer: Pin<Box<Sleep>>,
}

impl Silence {
    pub(in crate::grpc) fn new(interval: Duration) -> Self {
        Self {
            interval,
            since: Instant::now(),
            timer: Box::pin(time::sleep(interval)),
        }
    }

    /// Begins anew.
    pub(in crate::grpc) fn begin(&mut self) {
        self.since = Instant::now();
    }

    /// Waits for its end.
    pub(in crate::grpc) async fn end(&mut self) {
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
    async fn it_lasts_from_when_it_began_last() {
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
    async fn one_that_is_interrupted_does_not_end() {
        let mut silence = Silence::new(Duration::from_secs(10));
        for _ in 0..5 {
            silence.begin();
            let ended = time::timeout(Duration::from_secs(9), silence.end()).await;
            assert!(ended.is_err());
        }
    }
}
