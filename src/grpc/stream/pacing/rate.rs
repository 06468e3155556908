//! How often a watch of a busy room sends.
//!
//! A small frame costs its receiver as much as a large one, and a Rust client
//! (h2 0.4.16 or later) gives up a connection on which too many lie unread. So
//! a room that changes more often than `MESSAGE_INTERVAL` has its changes
//! gathered into fewer messages. Any other room's go out at once.

use std::time::Duration;

use tokio::time::Instant;

/// The time between two messages of a watch, when there is always something to
/// send: 250 messages a second.
pub(in crate::grpc) const MESSAGE_INTERVAL: Duration = Duration::from_millis(4);

/// How far ahead of that a watch may be: 64 messages sent at once, after a quiet
/// quarter of a second.
const BURST: Duration = Duration::from_millis(256);

/// How much of that a watch that was held up saves before it sends at once again.
/// With less, it would send the first change of each interval alone, and the others
/// an interval later.
pub(in crate::grpc) const SAVED: Duration = Duration::from_millis(128);

/// When a watch may send next (a leaky bucket: GCRA).
///
/// One that is so far ahead that it has to hold something up sends with the beats only,
/// until the room is quieter for a while.
#[derive(Debug)]
pub(in crate::grpc) struct Rate {
    /// When everything that was sent would have been sent, one message after
    /// the other, an interval apart.
    sent_through: Instant,
    is_busy: bool,
}

impl Rate {
    /// A watch that has sent nothing.
    pub(in crate::grpc) fn new() -> Self {
        Self {
            sent_through: Instant::now(),
            is_busy: false,
        }
    }

    /// Says whether what there is to be sent is held up, and remembers it: a watch that
    /// was held up is so for longer.
    pub(in crate::grpc) fn holds_up(&mut self) -> bool {
        let ahead = if self.is_busy {
            SAVED
        } else {
            MESSAGE_INTERVAL
        };
        self.is_busy = self.ready_at() + ahead > Instant::now();
        self.is_busy
    }

    /// From when on the next message is not too much.
    fn ready_at(&self) -> Instant {
        self.sent_through - BURST
    }

    /// Notes that a message was sent.
    pub(in crate::grpc) fn sent(&mut self) {
        self.sent_through = self.sent_through.max(Instant::now()) + MESSAGE_INTERVAL;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time;

    use super::*;

    /// How many messages are sent until one is held up.
    fn send(rate: &mut Rate) -> usize {
        let mut messages = 0;
        while !rate.holds_up() {
            rate.sent();
            messages += 1;
        }
        messages
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_out_at_once_and_what_was_saved_after_a_while() {
        let mut rate = Rate::new();
        assert_eq!(send(&mut rate), 64);
        time::advance(SAVED - MESSAGE_INTERVAL).await;
        assert_eq!(send(&mut rate), 0);
        time::advance(MESSAGE_INTERVAL).await;
        assert_eq!(send(&mut rate), 32);
        time::advance(BURST).await;
        assert_eq!(send(&mut rate), 64);
    }

    #[tokio::test(start_paused = true)]
    async fn a_room_that_changes_less_often_is_never_held_up() {
        let mut rate = Rate::new();
        for _ in 0..1000 {
            time::advance(MESSAGE_INTERVAL).await;
            assert!(!rate.holds_up());
            rate.sent();
        }
    }
}
