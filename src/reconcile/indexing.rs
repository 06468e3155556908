//! When what there can be many of is indexed: the lives of a room, the sessions of a user.

use super::SESSIONS_OR_LIVES_MIN;

/// The most that are looked at one by one, which takes less than a microsecond. More are indexed,
/// which takes three times the memory for each.
const FEW_MAX: usize = 16;

/// What is indexed is looked at one by one again when there are so few. It is less than
/// [`FEW_MAX`], so that at the limit not every event changes the form.
const FEW_AGAIN: usize = 8;

const _: () = assert!(FEW_MAX < SESSIONS_OR_LIVES_MIN);

/// Whether so many are to be indexed. `is_indexed` says whether they are now.
pub(super) fn should_index(count: usize, is_indexed: bool) -> bool {
    count > if is_indexed { FEW_AGAIN } else { FEW_MAX }
}

/// How many of so many count as indexed: all or none. It depends on their number alone, though
/// the form also depends on how many there were, so that two rosters with the same evidence agree.
pub(super) fn counted_as_indexed(count: usize) -> usize {
    match should_index(count, false) {
        true => count,
        false => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_changes_only_at_the_limits() {
        for (count, from_list, from_index) in [
            (0, false, false),
            (8, false, false),
            (9, false, true),
            (16, false, true),
            (17, true, true),
        ] {
            assert_eq!(should_index(count, false), from_list, "{count}");
            assert_eq!(should_index(count, true), from_index, "{count}");
            let counted = if from_list { count } else { 0 };
            assert_eq!(counted_as_indexed(count), counted);
        }
    }
}
