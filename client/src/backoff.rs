//! How long to wait before the next attempt.

use std::time::Duration;

/// Waits that double from 100 ms to 5 s. Each is shortened by a random part, up to half,
/// so that clients that lost one server do not return all at once.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The longest first wait.
    pub const FIRST: Duration = Duration::from_millis(100);
    /// The longest wait.
    pub const MAX: Duration = Duration::from_secs(5);

    /// The wait before the next attempt.
    pub fn next_wait(&mut self) -> Duration {
        let longest = Self::FIRST
            .saturating_mul(1 << self.attempts.min(16))
            .min(Self::MAX);
        self.attempts = self.attempts.saturating_add(1);
        longest.mul_f64(1.0 - fastrand::f64() / 2.0)
    }

    /// An attempt succeeded: the next wait is a first one.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_again() {
        let mut backoff = Backoff::default();
        for longest in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            let wait = backoff.next_wait();
            let longest = Duration::from_millis(longest);
            assert!(
                longest / 2 <= wait && wait <= longest,
                "{wait:?} of {longest:?}"
            );
        }
        backoff.reset();
        assert!(backoff.next_wait() <= Backoff::FIRST);
    }
}
