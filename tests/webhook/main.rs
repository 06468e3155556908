//! The HTTP front over real sockets: every row of its contract, HTTP/1.1 and
//! HTTP/2, what slow, greedy and broken senders get, and the paths of every
//! vendor.

#![allow(clippy::unwrap_used, reason = "a test's helpers are tests")]

mod front;
mod service;
mod vendors;
