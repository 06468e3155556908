//! How often a watch of a busy room sends.
//!
//! A small frame costs its receiver as much as a large one, and a Rust client
//! (h2 0.4.16 or later) gives up a connection on which too many lie unread. So
//! a room that changes more often than `MESSAGE_INTERVAL` has its changes
//! gathered into fewer messages. Any other room's go out at once.
//!
//! Watches that are held up go on at the same moments, however they came to be held
//! up: what goes to many of them over one connection is written together.

use std::time::Duration;

use tokio::time::{self, Instant};

/// The time between two messages of a watch, when there is always something to
/// send: 250 messages a second.
const MESSAGE_INTERVAL: Duration = Duration::from_millis(4);

/// How far ahead of that a watch may be: 64 messages sent at once, after a quiet
/// quarter of a second.
const BURST: Duration = Duration::from_millis(256);

/// How much of that a watch that was held up saves before it sends at once again.
/// With less, it would send the first change of each interval alone, and the others
/// an interval later.
const SAVED: Duration = Duration::from_millis(128);

/// When a watch may send next (a leaky bucket: GCRA).
///
/// One that is so far ahead that it has to hold something up sends at certain moments
/// only, all that has come by then, until the room is quieter for a while.
#[derive(Debug)]
pub(super) struct Pace {
    /// Such a moment; the others are a multiple of `MESSAGE_INTERVAL` from it.
    beat: Instant,
    /// When everything that was sent would have been sent, one message after
    /// the other, an interval apart.
    sent_through: Instant,
    is_busy: bool,
}

impl Pace {
    /// A watch that has sent nothing. Those with the same `beat` are held up to the
    /// same moments.
    pub(super) fn new(beat: Instant) -> Self {
        Self {
            beat,
            sent_through: Instant::now(),
            is_busy: false,
        }
    }

    /// Says whether what there is to be sent is held up, and remembers it: a watch that
    /// was held up is so for longer.
    pub(super) fn holds_up(&mut self) -> bool {
        let ahead = if self.is_busy {
            SAVED
        } else {
            MESSAGE_INTERVAL
        };
        self.is_busy = self.ready_at() + ahead > Instant::now();
        self.is_busy
    }

    /// Waits until it is time to send what there is.
    pub(super) async fn ready(&mut self) {
        if self.holds_up() {
            let at = self.ready_at().max(Instant::now());
            time::sleep_until(self.beat_from(at)).await;
        }
    }

    /// From when on the next message is not too much.
    fn ready_at(&self) -> Instant {
        self.sent_through - BURST
    }

    /// The first beat that is not before `at`.
    fn beat_from(&self, at: Instant) -> Instant {
        let since = at.saturating_duration_since(self.beat).as_nanos();
        let late = (since % MESSAGE_INTERVAL.as_nanos()) as u64;
        match late {
            0 => at,
            _ => at + MESSAGE_INTERVAL - Duration::from_nanos(late),
        }
    }

    /// Notes that a message was sent.
    pub(super) fn sent(&mut self) {
        self.sent_through = self.sent_through.max(Instant::now()) + MESSAGE_INTERVAL;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn send(pace: &mut Pace, messages: u32) -> Duration {
        let begin = Instant::now();
        for _ in 0..messages {
            pace.ready().await;
            pace.sent();
        }
        begin.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_out_at_once_and_the_rest_at_its_pace() {
        let mut pace = Pace::new(Instant::now());
        assert_eq!(send(&mut pace, 65).await, Duration::ZERO);
        assert_eq!(send(&mut pace, 250).await, Duration::from_secs(1));
        time::advance(BURST).await;
        assert_eq!(send(&mut pace, 64).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_room_is_held_up_until_it_is_quieter_for_a_while() {
        let mut pace = Pace::new(Instant::now());
        send(&mut pace, 65).await;
        for _ in 0..20 {
            // As if its next changes came some time after those were sent.
            time::advance(MESSAGE_INTERVAL + MESSAGE_INTERVAL / 2).await;
            assert_eq!(send(&mut pace, 1).await, MESSAGE_INTERVAL / 2);
        }
        time::advance(SAVED).await;
        assert_eq!(send(&mut pace, 1).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn watches_that_are_held_up_go_on_together() {
        let beat = Instant::now();
        for late in [0, 1, 2_500, 3_999, 4_000, 4_001] {
            time::advance(Duration::from_micros(late)).await;
            let mut pace = Pace::new(beat);
            send(&mut pace, 66).await;
            // The clock's timers go by whole milliseconds.
            let since = beat.elapsed().as_millis();
            assert_eq!(since % MESSAGE_INTERVAL.as_millis(), 0, "{since}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_room_that_changes_less_often_is_never_held_up() {
        let mut pace = Pace::new(Instant::now());
        for _ in 0..1000 {
            time::advance(MESSAGE_INTERVAL).await;
            assert_eq!(send(&mut pace, 1).await, Duration::ZERO);
        }
    }
}
