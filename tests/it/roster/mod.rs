//! The roster: what users are where, and what watchers are told.

mod concurrent;
mod users;
mod watch;
