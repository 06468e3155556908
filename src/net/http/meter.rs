//! Slows a connection of HTTP/2 that sends much beside requests.
//!
//! HTTP/2 has frames that belong to no request: PING, SETTINGS, PRIORITY, WINDOW_UPDATE. Each costs
//! the server some work, some an answer, and a client that sends nothing else as fast as it can
//! takes a processor for itself. So what a connection sends has a price, which is earned by
//! requests, their bodies and what the server sends. Beside that a rate is free. A connection in
//! debt is not read from until it is out of it; what the client sends waits with the client.

use std::time::Duration;

use tokio::time::Instant;

/// What a connection may send beside requests, in bytes a second: several thousand of the smallest
/// frames, which take less than a hundredth of a processor.
const FREE_BYTES_PER_SECOND: u32 = 64 * 1024;

/// How much of that may come at once.
const BURST: Duration = Duration::from_secs(4);

/// What a request earns besides its body: its head, and the frames that go with it.
const REQUEST_BYTES: usize = 4 * 1024;

/// The part of what the server sends that is earned is one of so many. A client that reads may
/// send two WINDOW_UPDATE, of 26 bytes, for each message; the answer to a PING earns less than
/// the PING costs.
const SENT_PART: usize = 4;

/// The balance of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meter {
    /// Until when what was sent is paid for. In the future it is a debt, in the past a credit.
    paid_by: Instant,
}

fn worth(bytes: usize) -> Duration {
    Duration::from_secs_f64(bytes as f64 / f64::from(FREE_BYTES_PER_SECOND))
}

/// The most credit: none is older than a burst.
fn oldest(now: Instant) -> Instant {
    // The clock may have begun later than that.
    now.checked_sub(BURST).unwrap_or(now)
}

impl Meter {
    /// The balance of a connection that begins: it has the credit of a burst.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            paid_by: oldest(now),
        }
    }

    /// Notes that the client sent so many bytes.
    pub(super) fn charge(&mut self, bytes: usize, now: Instant) {
        self.paid_by = self.paid_by.max(oldest(now)) + worth(bytes);
    }

    /// Notes that a request began.
    pub(super) fn earn_request(&mut self) {
        self.earn(REQUEST_BYTES);
    }

    /// Notes that so many bytes of a body were used.
    pub(super) fn earn_body(&mut self, bytes: usize) {
        self.earn(bytes);
    }

    /// Notes that the server sent so many bytes.
    pub(super) fn earn_sent(&mut self, bytes: usize) {
        self.earn(bytes / SENT_PART);
    }

    fn earn(&mut self, bytes: usize) {
        let earlier = self.paid_by.checked_sub(worth(bytes));
        self.paid_by = earlier.unwrap_or(self.paid_by);
    }

    /// Until when the connection is not read from, if it is in debt.
    pub(super) fn in_debt_until(&self, now: Instant) -> Option<Instant> {
        (self.paid_by > now).then_some(self.paid_by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: usize = FREE_BYTES_PER_SECOND as usize;

    /// How long it takes to read `rounds` times so much, with `earn` after each.
    fn taken(rounds: usize, bytes: usize, earn: impl Fn(&mut Meter)) -> Duration {
        let began = Instant::now() + BURST;
        let (mut meter, mut now) = (Meter { paid_by: began }, began);
        for _ in 0..rounds {
            meter.charge(bytes, now);
            earn(&mut meter);
            now = meter.in_debt_until(now).unwrap_or(now);
        }
        now - began
    }

    fn assert_about(taken: Duration, seconds: u64) {
        let off = taken.abs_diff(Duration::from_secs(seconds));
        assert!(off < Duration::from_millis(10), "{taken:?}");
    }

    #[test]
    fn what_belongs_to_no_request_is_slowed_to_the_free_rate() {
        assert_about(taken(100, FREE, |_| ()), 100);
        let answered = taken(100, FREE, |meter| meter.earn_sent(FREE));
        assert_about(answered, 75);
    }

    #[test]
    fn requests_and_readers_are_not_slowed() {
        let requests = taken(1_000, 500 + FREE, |meter| {
            meter.earn_request();
            meter.earn_body(FREE);
        });
        assert_about(requests, 0);
        let reader = taken(100_000, 26, |meter| meter.earn_sent(200));
        assert_about(reader, 0);
    }

    #[test]
    fn silence_is_credit_for_a_burst_and_no_more() {
        let began = Instant::now() + BURST;
        let burst = BURST.as_secs() as usize * FREE;
        for later in [began, began + 100 * BURST] {
            let mut meter = Meter::new(began);
            meter.charge(burst, later);
            assert_eq!(meter.in_debt_until(later), None);
            meter.charge(1, later);
            assert!(meter.in_debt_until(later).is_some());
        }
    }
}
