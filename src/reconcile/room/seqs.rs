//! The set of sequence numbers that were seen, to count those that are missing.

use std::collections::VecDeque;

use crate::reconcile::InvalidEvidence;

/// The most runs of consecutive numbers that are kept. If one life of a room has more holes,
/// there was an outage, or the vendor leaves out numbers. Then the two oldest runs are
/// merged to limit memory: the numbers between them still count as missing, even if they
/// arrive later. A run takes 16 bytes.
const RUNS_MAX: usize = 1024;

/// The sequence numbers 1, 2, 3 … that were seen in one life of a room, as runs of
/// consecutive numbers. ZEGO calls the number `user_update_seq`, and raises it by one with
/// each login and logout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seqs {
    /// The first and the last number of each run. Runs ascend, and there is a hole between
    /// each two.
    runs: VecDeque<(u64, u64)>,
    /// How many numbers were seen. A number between two merged runs is not counted if it
    /// comes after the merge.
    seen: u64,
}

impl Seqs {
    /// Notes that a number was seen. 0 is ignored, because numbers begin at 1.
    pub fn insert(&mut self, number: u64) {
        if number == 0 {
            return;
        }
        // The first run that ends at `number - 1` or later: the only run that can contain
        // the number or be extended by it at its end.
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

    /// Counts a number as the next one, whatever it is: what the service would do without
    /// [the rule](crate::reconcile::Rule::NumbersAreASet).
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

    /// The first and the last number of each run, in ascending order.
    pub(crate) fn runs(&self) -> impl ExactSizeIterator<Item = (u64, u64)> + '_ {
        self.runs.iter().copied()
    }

    /// How many numbers were seen, without those that came too late to be counted.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// Restores a set from its [runs](Self::runs) and the count of numbers [seen](Self::seen).
    ///
    /// # Errors
    /// When no set of numbers has these runs and this count.
    pub(crate) fn restore(
        runs: impl ExactSizeIterator<Item = (u64, u64)>,
        seen: u64,
    ) -> Result<Self, InvalidEvidence> {
        if runs.len() > RUNS_MAX {
            return Err(InvalidEvidence::TooManyRuns);
        }
        let mut restored = VecDeque::with_capacity(runs.len());
        // `numbers` counts the numbers in the runs. It cannot overflow, because it is never
        // greater than the last number.
        let (mut last_before, mut numbers) = (None, 0);
        for (first, last) in runs {
            // The least number is 1, and between two runs at least one number is left out.
            let least = last_before.map_or(Some(1), |last: u64| last.checked_add(2));
            if least.is_none_or(|least| first < least) || last < first {
                return Err(InvalidEvidence::RunsOutOfOrder);
            }
            numbers += last - first + 1;
            last_before = Some(last);
            restored.push_back((first, last));
        }
        if seen > numbers {
            return Err(InvalidEvidence::MoreSeenThanInRuns);
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
