//! The streams of watches: what they send, when they send it, and how they end.

pub(super) mod drain;
mod pacing;
mod watch_messages;

pub(super) use self::{
    pacing::Wakeups,
    watch_messages::{HALF_APPLIED, WatchMessages},
};
