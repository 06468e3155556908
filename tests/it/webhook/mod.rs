//! The HTTP front over real sockets: every row of its contract, HTTP/1.1 and
//! HTTP/2, what slow, greedy and broken senders get, and the paths of every
//! vendor.

mod cancelled;
mod connections;
mod events;
mod limits;
mod protected;
mod refusal_log;
mod refused;
mod relays;
mod service;
mod taken;
mod vendors;
