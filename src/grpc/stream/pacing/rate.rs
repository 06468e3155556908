//! Limits how often a watch sends.
//!
//! A small frame costs its receiver as much as a large one, and a Rust client (h2 0.4.16 or
//! later) closes a connection that has too many unread frames. So when a subject changes more
//! often than once per [`MESSAGE_INTERVAL`], its changes are collected into fewer messages.
//! The changes of other subjects are sent at once.

use std::time::Duration;

use tokio::time::Instant;

/// The least average time between two messages of a watch: 250 messages a second.
pub(super) const MESSAGE_INTERVAL: Duration = Duration::from_millis(4);

/// How far ahead of that average a watch may be. After a quarter of a second without messages
/// it may send 64 messages at once.
const BURST_MAX: Duration = Duration::from_millis(256);

/// How much of [`BURST_MAX`] must be unused before a watch that was held back sends at once
/// again. If it were less, the watch would send the first change of each interval alone, and
/// the other changes an interval later.
pub(super) const SAVED_MIN: Duration = Duration::from_millis(128);

/// Decides whether a watch may send at once. It is a leaky bucket (GCRA).
///
/// A watch that is too far ahead is held back until its subject changes less often for a
/// while.
#[derive(Debug)]
pub(super) struct Rate {
    /// When the last message would have been sent if there were one interval between each two
    /// messages.
    sent_through: Instant,
    is_held_back: bool,
}

impl Rate {
    /// The rate of a watch that has sent nothing.
    pub(super) fn new() -> Self {
        Self {
            sent_through: Instant::now(),
            is_held_back: false,
        }
    }

    /// Whether the watch is held back. It is remembered, because a watch that is held back
    /// stays so until it has saved [`SAVED_MIN`].
    pub(super) fn holds_back(&mut self) -> bool {
        let ahead = if self.is_held_back {
            SAVED_MIN
        } else {
            MESSAGE_INTERVAL
        };
        self.is_held_back = self.ready_at() + ahead > Instant::now();
        self.is_held_back
    }

    /// The earliest time at which the next message may be sent.
    fn ready_at(&self) -> Instant {
        self.sent_through - BURST_MAX
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
        time::advance(SAVED_MIN - MESSAGE_INTERVAL).await;
        assert_eq!(send(&mut rate), 0);
        time::advance(MESSAGE_INTERVAL).await;
        assert_eq!(send(&mut rate), 32);
        time::advance(BURST_MAX).await;
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
