//! The streams of watches: what they send, when they send it, and how they end.

mod delivery;
pub(super) mod drain;
mod pacing;
mod watch_messages;

pub(super) use self::{
    delivery::DeliveryTime,
    pacing::Wakeups,
    watch_messages::{HALF_APPLIED, WatchMessages},
};
