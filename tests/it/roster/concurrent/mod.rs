//! Watchers that are slow, leave and come back, while writers write: whatever
//! way each takes, its copy equals the service's answer at the same revision.
//!
//! The reference is the same journal, applied again by one thread without
//! shortage: that gives the answer at every revision there was.

mod compare;
mod harness;
mod rooms;
mod user_copy;
mod users;
mod watcher;
