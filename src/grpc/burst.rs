//! Lets what many tasks send over one connection be written together.

use std::task::{Context, Poll};

/// What is worth a write of its own: more of it would only be kept for longer.
pub(super) const ENOUGH_BYTES: usize = 8 * 1024;

/// Where a connection is in writing what there is to be sent.
///
/// A change wakes all the streams of a connection. Written one at a time, what they
/// send costs more than all the rest, so the first write of a burst lets the tasks
/// that are ready go first.
///
/// The protocol flushes after each large frame, so a flush is not the end of it. It
/// is over when the protocol reads again, which it does whenever it is woken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Burst {
    /// What is written next waits for what else there is.
    #[default]
    Awaited,
    /// It has waited.
    Begun,
    /// All that was written is on its way, and there may be more.
    Flushed,
}

impl Burst {
    /// Waits once before so many bytes are written, unless they are enough.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: usize) -> Poll<()> {
        let waits = *self == Self::Awaited && bytes < ENOUGH_BYTES;
        *self = Self::Begun;
        if !waits {
            return Poll::Ready(());
        }
        // Who wakes itself comes after those who were woken before.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Notes that all is flushed.
    pub(super) fn flushed(&mut self) {
        if *self == Self::Begun {
            *self = Self::Flushed;
        }
    }

    /// Notes that the protocol reads.
    pub(super) fn read(&mut self) {
        if *self == Self::Flushed {
            *self = Self::Awaited;
        }
    }
}
