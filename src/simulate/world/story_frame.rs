//! How long one story is, and when it happens.

use rand::RngExt as _;
use rand_pcg::Pcg64;

/// The frame of the story of one room, or one user.
#[derive(Clone, Debug)]
pub(super) struct StoryFrame {
    pub(super) users: usize,
    pub(super) callbacks: usize,
    pub(super) from: u64,
    pub(super) until: u64,
    pub(super) horizon: u64,
    pub(super) grace: u64,
}

impl StoryFrame {
    pub(super) fn span(&self) -> u64 {
        self.until.saturating_sub(self.from)
    }

    /// A time so old that a callback of it is stale at any time of the run.
    pub(super) fn ancient(&self) -> u64 {
        self.from.saturating_sub(self.horizon / 5 * 6 + 2_000)
    }

    pub(super) fn some_time(&self, rng: &mut Pcg64) -> u64 {
        rng.random_range(self.from..=self.until)
    }
}
