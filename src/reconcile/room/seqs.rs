//! Which of the numbers 1, 2, 3 … were seen.

use std::collections::VecDeque;

use crate::reconcile::Impossible;

/// Runs of consecutive numbers that are kept apart, at most. More holes than this in one
/// life of a room mean an outage, or a vendor that numbers in strides. Then memory matters
/// more than which hole a late callback fills: the oldest runs are merged, and the hole
/// between them is only counted. A run takes 16 bytes.
const RUNS_MAX: usize = 1024;

/// A set of the numbers that a vendor counts callbacks with (ZEGO:
/// `user_update_seq`, +1 for each login and logout of one life of a room), kept
/// as runs, to count those that are missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seqs {
    // Ascending, not touching: (first, last), both included.
    runs: VecDeque<(u64, u64)>,
    // How many numbers were seen, as far as the runs can tell.
    seen: u64,
}

impl Seqs {
    /// Notes that a number was seen. 0 is no number.
    pub fn insert(&mut self, number: u64) {
        if number == 0 {
            return;
        }
        // The first run that ends at or after the number's predecessor: the
        // only one it can be in, or extend to the right.
        let at = self.runs.partition_point(|&(_, last)| last < number - 1);
        let run = self.runs.get(at).copied();
        if run.is_some_and(|(first, last)| first <= number && number <= last) {
            return;
        }
        self.seen += 1;
        match run {
            Some((first, last)) if last == number - 1 => self.extend_right(at, first, number),
            Some((first, last)) if first == number + 1 => self.runs[at] = (number, last),
            _ => {
                self.runs.insert(at, (number, number));
                self.bound();
            }
        }
    }

    /// Counts a number without looking at it, as if there were no
    /// [rule](crate::reconcile::Rule::NumbersAreASet).
    pub(super) fn append(&mut self) {
        let last = self.runs.back().map_or(0, |&(_, last)| last);
        self.insert(last.saturating_add(1));
    }

    fn extend_right(&mut self, at: usize, first: u64, number: u64) {
        match self.runs.get(at + 1).copied() {
            Some((next, last)) if next - 1 == number => {
                self.runs[at] = (first, last);
                self.runs.remove(at + 1);
            }
            _ => self.runs[at] = (first, number),
        }
    }

    fn bound(&mut self) {
        if self.runs.len() <= RUNS_MAX {
            return;
        }
        if let (Some((first, _)), Some((_, last))) = (self.runs.pop_front(), self.runs.pop_front())
        {
            self.runs.push_front((first, last));
        }
    }

    /// The runs of consecutive numbers, ascending: the first and the last of each.
    pub(crate) fn runs(&self) -> impl ExactSizeIterator<Item = (u64, u64)> + '_ {
        self.runs.iter().copied()
    }

    /// How many numbers were seen, as far as the runs can tell.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// What was remembered elsewhere: [runs](Self::runs), and how many numbers were seen.
    ///
    /// # Errors
    /// When no numbers add up to it.
    pub(crate) fn restore(
        runs: impl ExactSizeIterator<Item = (u64, u64)>,
        seen: u64,
    ) -> Result<Self, Impossible> {
        if runs.len() > RUNS_MAX {
            return Err(Impossible::TooManyRuns);
        }
        let mut restored = VecDeque::with_capacity(runs.len());
        // How many numbers the runs have. No sum of theirs is past the last.
        let (mut last_before, mut numbers) = (None, 0);
        for (first, last) in runs {
            // The first number is 1; later runs leave one out in between.
            let least = last_before.map_or(Some(1), |last: u64| last.checked_add(2));
            if least.is_none_or(|least| first < least) || last < first {
                return Err(Impossible::RunsOutOfOrder);
            }
            numbers += last - first + 1;
            last_before = Some(last);
            restored.push_back((first, last));
        }
        if seen > numbers {
            return Err(Impossible::SeenOutsideOfRuns);
        }
        let runs = restored;
        Ok(Self { runs, seen })
    }

    /// How many numbers from 1 to the greatest seen were not seen.
    pub fn missing(&self) -> u64 {
        self.runs.back().map_or(0, |&(_, last)| last - self.seen)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn seqs(numbers: &[u64]) -> Seqs {
        let mut seqs = Seqs::default();
        numbers.iter().for_each(|&number| seqs.insert(number));
        seqs
    }

    #[test]
    fn extremes_are_counted_without_overflow() {
        assert_eq!(seqs(&[u64::MAX]).missing(), u64::MAX - 1);
        assert_eq!(seqs(&[u64::MAX, u64::MAX - 1, 0]).missing(), u64::MAX - 2);
        assert_eq!(seqs(&[]).missing(), 0);
    }

    #[test]
    fn more_holes_than_are_kept_are_still_counted() {
        let every_other: Vec<u64> = (1..=3 * RUNS_MAX as u64).map(|n| 2 * n).collect();
        let mut seqs = seqs(&every_other);
        assert_eq!(seqs.missing(), 3 * RUNS_MAX as u64);
        assert_eq!(seqs.runs.len(), RUNS_MAX);
        seqs.insert(1);
        assert_eq!(
            seqs.missing(),
            3 * RUNS_MAX as u64 - 1,
            "before the merged runs"
        );
        seqs.insert(3);
        assert_eq!(
            seqs.missing(),
            3 * RUNS_MAX as u64 - 1,
            "inside: only counted"
        );
    }

    proptest! {
        #[test]
        fn agrees_with_a_plain_set(numbers in proptest::collection::vec(0u64..60, 0..80)) {
            let plain: BTreeSet<u64> = numbers.iter().copied().filter(|&n| n > 0).collect();
            let missing = plain.last().map_or(0, |&last| last - plain.len() as u64);
            prop_assert_eq!(seqs(&numbers).missing(), missing);
            let ordered: Vec<u64> = plain.into_iter().collect();
            prop_assert_eq!(seqs(&numbers), seqs(&ordered));
        }
    }
}
