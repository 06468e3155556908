//! Decides which checkpoints and entries are kept, and which can be dropped.

use crate::{domain::Time, journal::Revision};

/// Checkpoints kept. If the latest does not load, a start uses the one before it and all
/// entries since.
const KEPT: usize = 2;

/// What a start does not need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Droppable {
    /// Checkpoints at these revisions.
    pub(super) checkpoints: Vec<Revision>,
    /// Entries, if any can be dropped.
    pub(super) entries: Option<OldEntries>,
}

/// Entries below a revision that were received before a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OldEntries {
    pub(super) before: Revision,
    pub(super) received_before: Time,
}

/// What can be dropped when there are these checkpoints, the latest first. Entries that
/// were received at `keep_from` or later are kept in any case.
pub(super) fn droppable(checkpoints: &[Revision], keep_from: Time) -> Droppable {
    let (kept, dropped) = checkpoints.split_at(checkpoints.len().min(KEPT));
    // With fewer checkpoints than that, a start may need every entry.
    let oldest_kept = kept.get(KEPT - 1);
    Droppable {
        checkpoints: dropped.to_vec(),
        entries: oldest_kept.map(|covered| OldEntries {
            before: covered + 1,
            received_before: keep_from,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_checkpoints_and_the_entries_after_the_older_are_kept() {
        let keep_from = Time::from_millis(7).unwrap();
        let droppable = |checkpoints: &[Revision]| {
            let Droppable {
                checkpoints,
                entries,
            } = droppable(checkpoints, keep_from);
            let entries = entries.map(|old| (old.before, old.received_before));
            (checkpoints, entries)
        };
        assert_eq!(droppable(&[]), (vec![], None));
        assert_eq!(droppable(&[30]), (vec![], None), "it may not load");
        assert_eq!(droppable(&[30, 10]), (vec![], Some((11, keep_from))));
        assert_eq!(
            droppable(&[30, 10, 2, 1]),
            (vec![2, 1], Some((11, keep_from)))
        );
    }
}
