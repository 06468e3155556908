//! How much the roster may remember.

use std::time::Duration;

use crate::roster::subject::feed::FeedLimits;

/// How much the roster may remember.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The limits of the history of one room or user.
    pub feed: FeedLimits,
    /// How long a change is remembered.
    pub history_age_max: Duration,
    /// The most bytes that all remembered changes take together.
    pub history_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            feed: FeedLimits {
                changes_max: 1024,
                // A quarter of gRPC's default limit on a message, because a batch is sent as
                // one message.
                batch_bytes_max: 1024 * 1024,
            },
            history_age_max: Duration::from_secs(10 * 60),
            history_bytes_max: 64 * 1024 * 1024,
        }
    }
}
