//! The set of sequence numbers that were seen, to count those that are missing.

use std::{collections::VecDeque, iter};

use crate::reconcile::InvalidEvidence;

/// The most runs of consecutive numbers that are kept. If one life of a room has more holes,
/// there was an outage, or the vendor leaves out numbers. Then the two oldest runs are
/// merged to limit memory: the numbers between them still count as missing, even if they
/// arrive later. A run takes 16 bytes.
const RUNS_MAX: usize = 1024;

/// The most numbers that may be missing in one place. A life of a room with a thousand logins a
/// second needs more than a day for as many. A wider hole is none of lost callbacks: the number
/// after it is not one of a sequence, such as `u64::MAX` or a time, and must not hide what is
/// missing elsewhere.
const HOLE_MAX: u64 = 100_000_000;

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
    /// How many numbers are in holes that are too wide to be of lost callbacks.
    beyond: u64,
}

/// How many numbers a hole adds to [`Seqs::beyond`]: all of it, or none.
fn beyond(hole: u64) -> u64 {
    if hole > HOLE_MAX { hole } else { 0 }
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
        self.split_hole(at, number);
        match run {
            Some((first, last)) if last == number - 1 => self.extend_right(at, first, number),
            Some((first, last)) if first == number + 1 => self.runs[at] = (number, last),
            _ => {
                self.runs.insert(at, (number, number));
                self.bound(at);
            }
        }
    }

    /// Notes that the hole before or after the run at `at`, in which `number` is, is two now, of
    /// which either may be empty.
    fn split_hole(&mut self, at: usize, number: u64) {
        let run = |at: usize| self.runs.get(at).copied();
        let is_after = run(at).is_some_and(|(_, last)| last < number);
        let next = if is_after { at + 1 } else { at };
        let before = next
            .checked_sub(1)
            .and_then(run)
            .map_or(0, |(_, last)| last);
        let left = beyond(number - before - 1);
        let (whole, right) = match run(next) {
            Some((first, _)) => (beyond(first - before - 1), beyond(first - number - 1)),
            // There is no hole behind the greatest number.
            None => (0, 0),
        };
        self.beyond = self.beyond - whole + left + right;
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

    /// Merges the two oldest runs if there are too many. A hole that is too wide is not merged,
    /// because its numbers would count as missing: if there are only such, the number that was
    /// just inserted as the run at `at` is left out.
    fn bound(&mut self, at: usize) {
        if self.runs.len() <= RUNS_MAX {
            return;
        }
        let mut pairs = self.runs.iter().zip(self.runs.iter().skip(1));
        let narrow = pairs.position(|(&(_, last), &(first, _))| beyond(first - last - 1) == 0);
        if let Some(older) = narrow {
            if let Some((_, last)) = self.runs.remove(older + 1) {
                self.runs[older].1 = last;
            }
            return;
        }
        self.runs.remove(at);
        self.seen -= 1;
        self.beyond = holes(self.runs.iter().copied()).map(beyond).sum();
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
        let beyond = holes(restored.iter().copied()).map(beyond).sum();
        let runs = restored;
        Ok(Self { runs, seen, beyond })
    }

    /// How many numbers from 1 to the greatest seen were not seen, without those in holes that
    /// are too wide to be of lost callbacks.
    pub fn missing(&self) -> u64 {
        let not_seen = self.runs.back().map_or(0, |&(_, last)| last - self.seen);
        not_seen - self.beyond
    }
}

/// How many numbers are in the hole before each run.
fn holes(runs: impl Iterator<Item = (u64, u64)> + Clone) -> impl Iterator<Item = u64> {
    let lasts = iter::once(0).chain(runs.clone().map(|(_, last)| last));
    runs.zip(lasts).map(|((first, _), last)| first - last - 1)
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
    fn a_number_that_is_none_of_the_sequence_hides_nothing() {
        assert_eq!(seqs(&[u64::MAX]).missing(), 0);
        assert_eq!(seqs(&[u64::MAX, u64::MAX - 1, 0]).missing(), 0);
        assert_eq!(seqs(&[]).missing(), 0);
        let mut seqs = seqs(&[1, 2, u64::MAX, 5]);
        assert_eq!(seqs.missing(), 2);
        (3..=7).for_each(|number| seqs.insert(number));
        assert_eq!(seqs.missing(), 0);
        seqs.insert(u64::MAX - 2);
        assert_eq!(seqs.missing(), 1, "of the other sequence");
    }

    #[test]
    fn a_hole_is_of_lost_callbacks_up_to_a_width() {
        assert_eq!(seqs(&[HOLE_MAX + 1]).missing(), HOLE_MAX);
        assert_eq!(seqs(&[HOLE_MAX + 2]).missing(), 0);
        assert_eq!(
            seqs(&[HOLE_MAX + 2, 2]).missing(),
            HOLE_MAX,
            "1 and those between"
        );
    }

    #[test]
    fn numbers_of_no_sequence_leave_room_for_those_of_one() {
        let wide = |n: u64| n * 2 * HOLE_MAX;
        let odd: Vec<u64> = (1..=2 * RUNS_MAX as u64).map(wide).collect();
        let mut seqs = seqs(&odd);
        assert_eq!((seqs.runs.len(), seqs.missing()), (RUNS_MAX, 0));
        for number in [wide(1) + 2, wide(1) + 4, wide(1) + 6] {
            seqs.insert(number);
        }
        assert_eq!((seqs.runs.len(), seqs.missing()), (RUNS_MAX, 3));
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

        #[test]
        fn what_is_missing_is_what_the_holes_say_in_any_order(
            numbers in proptest::collection::vec(
                prop_oneof![1u64..20, HOLE_MAX - 5..HOLE_MAX + 15, u64::MAX - 9..=u64::MAX, any::<u64>()],
                0..40,
            ),
        ) {
            let plain: BTreeSet<u64> = numbers.iter().copied().filter(|&n| n > 0).collect();
            let runs = plain.iter().map(|&number| (number, number));
            let missing: u64 = holes(runs).filter(|&hole| hole <= HOLE_MAX).sum();
            let seqs = seqs(&numbers);
            prop_assert_eq!(seqs.missing(), missing);
            let restored = Seqs::restore(seqs.runs(), seqs.seen());
            prop_assert_eq!(restored.ok(), Some(seqs));
        }
    }
}
