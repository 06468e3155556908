//! How much the roster may remember.

use std::time::Duration;

use crate::roster::subject::feed::FeedLimits;

/// How much the roster may remember.
#[derive(Clone, Debug)]
pub struct Limits {
    /// What the history of one room or user may hold.
    pub feed: FeedLimits,
    /// How long a change is remembered.
    pub history_age_max: Duration,
    /// Bytes that all remembered changes may take.
    pub history_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            feed: FeedLimits {
                changes_max: 1024,
                // A quarter of gRPC's default limit of a message: an update is never
                // split, and a batch is sent as one message.
                update_bytes_max: 1024 * 1024,
            },
            history_age_max: Duration::from_secs(10 * 60),
            history_bytes_max: 64 * 1024 * 1024,
        }
    }
}
