//! How long to wait before the next attempt.

use std::time::Duration;

/// Waits of a random length, from zero up to a limit that doubles from 100 ms to 5 s ("full
/// jitter"). So clients that lost one server do not return all at once.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The limit of the first wait.
    pub const FIRST: Duration = Duration::from_millis(100);
    /// The limit of any wait.
    pub const MAX: Duration = Duration::from_secs(5);

    /// The wait before the next attempt.
    pub fn next_wait(&mut self) -> Duration {
        let limit = Self::FIRST
            .saturating_mul(1 << self.attempts.min(16))
            .min(Self::MAX);
        self.attempts = self.attempts.saturating_add(1);
        limit.mul_f64(fastrand::f64())
    }

    /// An attempt succeeded: the next wait is a first one.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of so many waits with one limit, some are close to its ends.
    const SAMPLES: usize = 1_000;

    /// The shortest and the longest of the waits before attempts after so many failed.
    fn extremes(attempts: u32) -> (Duration, Duration) {
        let waits = || (0..SAMPLES).map(|_| Backoff { attempts }.next_wait());
        (
            waits().min().unwrap_or_default(),
            waits().max().unwrap_or_default(),
        )
    }

    #[test]
    fn waits_are_spread_from_zero_to_a_limit_that_doubles() {
        fastrand::seed(7);
        let limits = [100, 200, 400, 800, 1600, 3200, 5000, 5000];
        for (attempts, limit) in (0..).zip(limits.map(Duration::from_millis)) {
            let (shortest, longest) = extremes(attempts);
            assert!(shortest < limit / 20, "{shortest:?} of {limit:?}");
            assert!(
                limit * 19 / 20 < longest && longest <= limit,
                "{longest:?} of {limit:?}"
            );
        }
        assert!(extremes(u32::MAX).1 <= Backoff::MAX);
    }

    #[test]
    fn each_wait_is_an_attempt_until_one_succeeds() {
        let mut backoff = Backoff::default();
        for attempts in 1..4 {
            backoff.next_wait();
            assert_eq!(backoff.attempts, attempts);
        }
        backoff.reset();
        assert_eq!(backoff.attempts, 0);
    }
}
