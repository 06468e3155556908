//! The table of attacks, a file for each kind.

mod bodiless_streams;
mod cancelled_requests;
mod frame_floods;
mod late_destroys;
mod long_callbacks;
mod long_lists;
mod many_of_one;
mod reading_watches;
mod silent_connections;
mod slow_bodies;
mod slow_heads;
mod tokens_ahead;
mod undecodable_callbacks;
mod unfinished_handshakes;
mod unfinished_requests;
mod unread_answers;

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
    unfinished_requests::WITHOUT_MESSAGES,
    unfinished_requests::WITH_A_PART,
    unfinished_requests::WITHOUT_END,
    cancelled_requests::WITHOUT_MESSAGES,
    cancelled_requests::WATCHES,
    unread_answers::CALLS_OF_ONE_CONNECTION,
    unread_answers::WATCHES_OF_TWO_CONNECTIONS,
    reading_watches::OF_ONE_CONNECTION,
    long_callbacks::OF_ONE_SENDER,
    long_lists::OF_ROOMS,
    tokens_ahead::OF_MANY_WATCHES,
    many_of_one::OF_ONE_SENDER,
    late_destroys::OF_A_WATCHED_ROOM,
    undecodable_callbacks::BY_STRANGERS,
];

/// Attacks on TLS itself.
pub(crate) const OF_TLS: &[Attack] = &[
    unfinished_handshakes::BY_STRANGERS,
    unfinished_handshakes::BEHIND_THE_PROXY,
];
