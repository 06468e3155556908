//! How many requests a client may cancel before they are answered.

use std::time::Duration;

use tokio::time::Instant;

/// How often a client may cancel all of its streams at once, one time right after the other.
/// An honest client does so when it moves to other rooms, or retries; hostile ones cancel a
/// hundred thousand a second.
const ROUNDS_AT_ONCE: u32 = 32;

/// How often a second it may do so for ever. A cancelled call costs as much as one that is
/// answered, and that no client makes more than its connection carries needs no limit here.
const ROUNDS_PER_SECOND: u32 = 4;

/// Connections with fewer streams are treated as if they had so many. It is the least that RFC
/// 9113 recommends.
const STREAMS_FLOOR: u32 = 100;

/// Connections with more streams are treated as if they had so many, so that no allowance is endless.
const STREAMS_CEILING: u32 = 100_000;

/// What is left to a connection. Time pays back what was spent.
#[derive(Debug)]
pub(super) struct Allowance {
    /// How long it takes to pay one request back.
    each: Duration,
    /// How much time may be owed.
    owed_max: Duration,
    /// The time that was owed at `at`.
    owed: Duration,
    at: Instant,
}

impl Allowance {
    /// The allowance of a connection that has `streams_max` streams, full.
    pub(super) fn new(streams_max: usize, now: Instant) -> Self {
        let streams = u32::try_from(streams_max).unwrap_or(u32::MAX);
        let streams = streams.clamp(STREAMS_FLOOR, STREAMS_CEILING);
        let each = Duration::from_secs(1) / (ROUNDS_PER_SECOND * streams);
        Self {
            each,
            owed_max: each * (ROUNDS_AT_ONCE * streams),
            owed: Duration::ZERO,
            at: now,
        }
    }

    /// Takes one request.
    pub(super) fn spend(&mut self, now: Instant) {
        self.owed = self.owed_at(now).saturating_add(self.each);
        self.at = now;
    }

    /// Whether the allowance would not be overdrawn by `more` requests.
    pub(super) fn covers(&self, more: usize, now: Instant) -> bool {
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        let owed = self
            .owed_at(now)
            .saturating_add(self.each.saturating_mul(more));
        owed <= self.owed_max
    }

    fn owed_at(&self, now: Instant) -> Duration {
        self.owed
            .saturating_sub(now.saturating_duration_since(self.at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spent(allowance: &mut Allowance, requests: u32, now: Instant) -> bool {
        for _ in 0..requests {
            allowance.spend(now);
        }
        allowance.covers(0, now)
    }

    #[test]
    fn a_client_may_cancel_all_its_streams_many_times_at_once_and_not_once_more() {
        for (streams, counted) in [(1, 100), (100, 100), (1024, 1024)] {
            let now = Instant::now();
            let mut allowance = Allowance::new(streams, now);
            assert!(spent(&mut allowance, ROUNDS_AT_ONCE * counted, now));
            assert!(!allowance.covers(1, now));
            assert!(!spent(&mut allowance, 1, now));
        }
    }

    #[test]
    fn requests_that_are_not_over_yet_count_like_those_that_are() {
        let now = Instant::now();
        let allowance = Allowance::new(100, now);
        assert!(allowance.covers(3200, now));
        assert!(!allowance.covers(3201, now));
        assert!(!allowance.covers(usize::MAX, now));
        assert!(Allowance::new(usize::MAX, now).covers(3_200_000, now));
    }

    proptest! {
        #[test]
        fn a_client_that_cancels_as_fast_as_the_allowance_refills_may_go_on_for_ever(
            streams in 1_usize..2000,
            bursts in prop::collection::vec((1_u32..200, 0_u64..500), 1..200),
        ) {
            let begin = Instant::now();
            let mut allowance = Allowance::new(streams, begin);
            let (mut now, each) = (begin, allowance.each);
            for (requests, late_ms) in bursts {
                prop_assert!(spent(&mut allowance, requests, now), "{requests} at {:?}", now - begin);
                now += each * requests + Duration::from_millis(late_ms);
            }
        }

        #[test]
        fn no_client_cancels_more_than_the_burst_and_what_has_refilled(
            streams in 1_usize..2000,
            bursts in prop::collection::vec((1_u32..20_000, 0_u64..500), 1..50),
        ) {
            let begin = Instant::now();
            let mut allowance = Allowance::new(streams, begin);
            let (mut now, mut cancelled) = (begin, 0_u64);
            let counted = streams.clamp(100, 2000) as u64;
            for (requests, wait_ms) in bursts {
                for _ in 0..requests {
                    allowance.spend(now);
                    if !allowance.covers(0, now) {
                        return Ok(());
                    }
                    cancelled += 1;
                }
                let refilled = 4 * counted * (now - begin).as_millis() as u64 / 1000;
                // Rounding makes a refill cheaper by less than a nanosecond each.
                prop_assert!(cancelled <= 32 * counted + refilled + refilled / 100_000 + 1);
                now += Duration::from_millis(wait_ms);
            }
        }
    }
}
