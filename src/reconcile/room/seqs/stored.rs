//! Numbers as data folders hold them.

use std::collections::VecDeque;

use crate::stored::{self, StoredError, ensure};

use super::{RUNS_MAX, Seqs};

impl Seqs {
    pub(crate) fn to_stored(&self) -> stored::Seqs {
        let Self { runs, seen } = self;
        let runs = runs
            .iter()
            .map(|&(first, last)| stored::Run { first, last });
        stored::Seqs {
            runs: runs.collect(),
            seen: *seen,
        }
    }

    pub(crate) fn from_stored(stored: &stored::Seqs) -> Result<Self, StoredError> {
        let field = "Seqs.runs";
        ensure(stored.runs.len() <= RUNS_MAX, field, "has too many")?;
        let mut runs = VecDeque::with_capacity(stored.runs.len());
        // How many numbers the runs have. No sum of theirs is past the last.
        let (mut last_before, mut numbers) = (None, 0);
        for &stored::Run { first, last } in &stored.runs {
            // The first number is 1; later runs leave one out in between.
            let least = last_before.map_or(Some(1), |last: u64| last.checked_add(2));
            let ascends = least.is_some_and(|least| least <= first) && first <= last;
            ensure(ascends, field, "do not ascend, or touch")?;
            numbers += last - first + 1;
            last_before = Some(last);
            runs.push_back((first, last));
        }
        ensure(stored.seen <= numbers, "Seqs.seen", "is more than the runs")?;
        Ok(Self {
            runs,
            seen: stored.seen,
        })
    }
}
