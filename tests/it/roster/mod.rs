//! The roster: what users are where, and what watchers are told.

mod capacity;
mod concurrent;
mod signs;
mod users;
mod watch;
