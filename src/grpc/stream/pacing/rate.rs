//! How often a watch sends.
//!
//! A small frame costs its receiver as much as a large one, and a Rust client (h2 0.4.16
//! or later) closes a connection on which too many frames lie unread. So when a subject
//! changes more often than every [`MESSAGE_INTERVAL`], its changes are gathered into fewer
//! messages. The changes of other subjects are sent at once.

use std::time::Duration;

use tokio::time::Instant;

/// The time between two messages of a watch, when there is always something to
/// send: 250 messages a second.
pub(super) const MESSAGE_INTERVAL: Duration = Duration::from_millis(4);

/// How far ahead of that a watch may be: it may send 64 messages at once after a quarter of
/// a second without any.
const BURST: Duration = Duration::from_millis(256);

/// How much of that a watch which was held back must save before it sends at once again.
/// With less, it would send the first change of each interval alone, and the others an
/// interval later.
pub(super) const SAVED: Duration = Duration::from_millis(128);

/// When a watch may send next (a leaky bucket: GCRA).
///
/// A watch that is too far ahead is held back until the subject is quieter for a while.
#[derive(Debug)]
pub(super) struct Rate {
    /// When everything that was sent would have been sent, had there been an interval
    /// between each two messages.
    sent_through: Instant,
    is_held_back: bool,
}

impl Rate {
    /// A watch that has sent nothing.
    pub(super) fn new() -> Self {
        Self {
            sent_through: Instant::now(),
            is_held_back: false,
        }
    }

    /// Says whether the watch is held back, and remembers it: one that was held back stays
    /// so for longer.
    pub(super) fn holds_back(&mut self) -> bool {
        let ahead = if self.is_held_back {
            SAVED
        } else {
            MESSAGE_INTERVAL
        };
        self.is_held_back = self.ready_at() + ahead > Instant::now();
        self.is_held_back
    }

    /// From when on the next message is not too early.
    fn ready_at(&self) -> Instant {
        self.sent_through - BURST
    }

    /// Notes that a message was sent.
    pub(super) fn note_sent(&mut self) {
        self.sent_through = self.sent_through.max(Instant::now()) + MESSAGE_INTERVAL;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time;

    use super::*;

    /// How many messages are sent until one is held back.
    fn send(rate: &mut Rate) -> usize {
        let mut messages = 0;
        while !rate.holds_back() {
            rate.note_sent();
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
    async fn a_subject_that_changes_less_often_is_never_held_back() {
        let mut rate = Rate::new();
        for _ in 0..1000 {
            time::advance(MESSAGE_INTERVAL).await;
            assert!(!rate.holds_back());
            rate.note_sent();
        }
    }
}
