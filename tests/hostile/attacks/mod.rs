//! The table of attacks, a file for each kind.

mod bodiless_streams;
mod frame_floods;
mod silent_connections;
mod slow_bodies;
mod slow_heads;

use crate::attack::Attack;

/// Every attack, in the order of the table.
pub(crate) const ALL: &[Attack] = &[
    slow_bodies::BY_STRANGERS,
    slow_bodies::BEHIND_THE_PROXY,
    bodiless_streams::BY_STRANGERS,
    bodiless_streams::BEHIND_THE_PROXY,
    slow_heads::BY_STRANGERS,
    slow_heads::BEHIND_THE_PROXY,
    silent_connections::TO_ALL_FRONTS,
    frame_floods::PING,
    frame_floods::SETTINGS,
    frame_floods::PRIORITY,
    frame_floods::WINDOW_UPDATE,
];
