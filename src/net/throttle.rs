//! Limits how often a line is logged that clients can cause.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::domain::Time;

/// The least time between two lines of one kind.
const SILENCE: Duration = Duration::from_secs(1);

/// Lets one line pass, and then none until a time has passed.
#[derive(Debug, Default)]
pub struct Throttle {
    /// When the next line may pass, in milliseconds.
    next: AtomicU64,
    held_back: AtomicU64,
}

impl Throttle {
    /// As [`pass`](Self::pass), for callers without a clock: now is `elapsed` after their begin.
    pub(crate) fn pass_after(&self, elapsed: Duration) -> Option<u64> {
        self.pass(Time::MIN.saturating_add(elapsed))
    }

    /// If a line may pass now, how many were held back since the last that did.
    pub fn pass(&self, now: Time) -> Option<u64> {
        let next = self.next.load(Relaxed);
        let after = now.saturating_add(SILENCE).as_millis();
        // A clock set back must not silence the log until it has caught up.
        let is_due = next <= now.as_millis() || next > after;
        let passes = is_due
            && (self.next)
                .compare_exchange(next, after, Relaxed, Relaxed)
                .is_ok();
        if passes {
            return Some(self.held_back.swap(0, Relaxed));
        }
        self.held_back.fetch_add(1, Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_in_between_are_counted_and_told_with_the_next() {
        let throttle = Throttle::default();
        let pass = |millis| throttle.pass(Time::from_millis(millis).unwrap());
        assert_eq!(pass(5_000), Some(0));
        assert_eq!(pass(5_000), None);
        assert_eq!(pass(5_999), None);
        assert_eq!(pass(6_000), Some(2));
        assert_eq!(pass(6_001), None);
        assert_eq!(pass(1_000), Some(1), "the clock was set back");
    }
}
