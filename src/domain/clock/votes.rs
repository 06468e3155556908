//! The vendors' times of the last minute, which decide between clocks that disagree.

use std::collections::VecDeque;

/// How many vendor times it takes to move a clock: one or two may be of a callback that was on
/// its way for long.
const NEEDED: usize = 3;

/// For how long a vendor's time counts, in milliseconds.
pub(super) const LIFETIME: i64 = 60_000;

/// The most votes that are kept, the latest ones. They are kept only while clocks disagree. More
/// would decide the same.
const VOTES_MAX: usize = 64;

/// The vendors' times of the last minute. Each is how far it is ahead of the monotonic clock, in
/// milliseconds.
#[derive(Debug, Default)]
pub(super) struct Votes(VecDeque<Vote>);

#[derive(Clone, Copy, Debug)]
struct Vote {
    /// By the monotonic clock.
    heard_at: i64,
    offset: i64,
}

impl Votes {
    /// Adds a vendor's time, and forgets those that are too old.
    pub(super) fn add(&mut self, heard_at: i64, offset: i64) {
        self.0.push_back(Vote { heard_at, offset });
        while self.0.len() > VOTES_MAX || self.0.front().is_some_and(|vote| vote.is_old(heard_at)) {
            self.0.pop_front();
        }
    }

    /// Whether the vendors are for one clock and against another. A vote is for the clock that it
    /// is at most half as far from. Otherwise it is for neither: a vendor whose own clock is wrong
    /// says nothing about ours.
    pub(super) fn are_for(&self, clock: i64, other: i64) -> bool {
        let is_for = |vote: &&Vote, clock, other| {
            vote.distance(clock).saturating_mul(2) < vote.distance(other)
        };
        let pros = self.0.iter().filter(|vote| is_for(vote, clock, other));
        let cons = self.0.iter().filter(|vote| is_for(vote, other, clock));
        let (pros, cons) = (pros.count(), cons.count());
        pros >= NEEDED && pros > cons
    }

    /// The greatest vote, if there are enough and all are below a limit.
    pub(super) fn greatest_below(&self, limit: i64) -> Option<i64> {
        let greatest = self.0.iter().map(|vote| vote.offset).max();
        greatest.filter(|greatest| self.0.len() >= NEEDED && *greatest < limit)
    }
}

impl Vote {
    fn is_old(self, now: i64) -> bool {
        now.saturating_sub(self.heard_at) > LIFETIME
    }

    fn distance(self, clock: i64) -> u64 {
        self.offset.abs_diff(clock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn votes(offsets: &[i64]) -> Votes {
        let mut votes = Votes::default();
        offsets.iter().for_each(|offset| votes.add(0, *offset));
        votes
    }

    #[test]
    fn three_votes_and_a_majority_decide() {
        let rows: [(&[i64], bool); 6] = [
            (&[100, 101], false),
            (&[100, 101, 99], true),
            (&[100, 101, 99, 1, 0, -1], false),
            (&[100, 101, 99, 1, 0], true),
            // From here, both clocks are wrong.
            (&[100_000, 100_000, 100_000], false),
            (&[50, 50, 50, 50], false),
        ];
        for (offsets, decides) in rows {
            assert_eq!(votes(offsets).are_for(100, 0), decides, "{offsets:?}");
        }
    }

    #[test]
    fn votes_count_for_a_minute_and_their_number_is_bounded() {
        let mut votes = votes(&[7, 7]);
        votes.add(LIFETIME, 7);
        assert_eq!(votes.greatest_below(8), Some(7));
        assert_eq!(votes.greatest_below(7), None);
        votes.add(LIFETIME + 1, 7);
        assert_eq!(votes.greatest_below(8), None);
        (0..1000).for_each(|_| votes.add(LIFETIME, 7));
        assert_eq!(votes.0.len(), VOTES_MAX);
    }
}
