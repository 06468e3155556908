//! Members in order: few in a list that takes little memory, many in a set of which a
//! clone takes little time.

use std::{cmp::Ordering, mem, ops::Bound, sync::Arc};

use equivalent::{Comparable, Equivalent};
use imbl::OrdSet;

use crate::{
    domain::{Time, UserIdRef},
    reconcile::Member,
};

use super::MemberKey;

/// The most members in a plain list. While somebody reads it, the next change copies
/// it, and that of so many takes a few microseconds; a set of few takes twice as much
/// memory, and most rooms are small.
const PLAIN_MAX: usize = 256;

/// Members by login time, then by user id. A clone costs a reference count.
#[derive(Clone, Debug)]
pub(super) enum List {
    Few(Arc<Vec<Member>>),
    Many(OrdSet<Listed>),
}

/// A member in the set: equal and ordered by the place in it.
#[derive(Clone, Debug)]
pub(super) struct Listed(Member);

impl Default for List {
    fn default() -> Self {
        Self::Few(Arc::default())
    }
}

impl List {
    /// Whether it is the very same, which is quick to tell.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Few(list), Self::Few(other)) => Arc::ptr_eq(list, other),
            (Self::Many(set), Self::Many(other)) => set.ptr_eq(other),
            _ => false,
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(list) => list.len(),
            Self::Many(set) => set.len(),
        }
    }

    /// Those after a place, which need not be taken; all if none is given.
    pub(super) fn after(&self, key: Option<&MemberKey>) -> impl Iterator<Item = &Member> {
        let (few, many) = match self {
            Self::Few(list) => {
                let is_before =
                    |member: &Member| key.is_some_and(|key| place_of(member) <= key.place());
                (&list[list.partition_point(is_before)..], None)
            }
            Self::Many(set) => {
                let place = key.map(MemberKey::place);
                let from = (place.as_ref()).map_or(Bound::Unbounded, Bound::Excluded);
                let range = set.range::<_, Place<'_>>((from, Bound::Unbounded));
                (&[][..], Some(range))
            }
        };
        let many = many.into_iter().flatten();
        few.iter().chain(many.map(|Listed(member)| member))
    }

    /// Adds a member whose place is free.
    pub(super) fn insert(&mut self, member: Member) {
        match self {
            Self::Few(list) if list.len() < PLAIN_MAX => {
                let list = Arc::make_mut(list);
                let last = list.last().map(place_of);
                let at = if last < Some(place_of(&member)) {
                    list.len()
                } else {
                    list.partition_point(|other| place_of(other) < place_of(&member))
                };
                list.insert(at, member);
            }
            Self::Few(list) => {
                let members = mem::take(list);
                let members = members.iter().cloned().chain([member]);
                *self = Self::Many(members.map(Listed).collect());
            }
            Self::Many(set) => {
                set.insert(Listed(member));
            }
        }
    }

    /// Takes out the member at the place that a member has.
    pub(super) fn remove(&mut self, member: &Member) -> Option<Member> {
        let removed = match self {
            Self::Few(list) => {
                let place = place_of(member);
                let at = list.binary_search_by(|other| place_of(other).cmp(&place));
                let at = at.ok()?;
                Arc::make_mut(list).remove(at)
            }
            Self::Many(set) => set.remove(&place_of(member))?.0,
        };
        if self.len() == 0 {
            *self = Self::default();
        }
        Some(removed)
    }
}

/// A place in the list.
type Place<'a> = (Option<Time>, UserIdRef<'a>);

fn place_of(member: &Member) -> Place<'_> {
    (member.login_at(), member.user())
}

impl Ord for Listed {
    fn cmp(&self, other: &Self) -> Ordering {
        place_of(&self.0).cmp(&place_of(&other.0))
    }
}

impl PartialOrd for Listed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Listed {
    fn eq(&self, other: &Self) -> bool {
        place_of(&self.0) == place_of(&other.0)
    }
}

impl Eq for Listed {}

impl MemberKey {
    fn place(&self) -> Place<'_> {
        (self.login_at, self.user.borrowed())
    }
}

impl Equivalent<Listed> for Place<'_> {
    fn equivalent(&self, listed: &Listed) -> bool {
        self.compare(listed).is_eq()
    }
}

impl Comparable<Listed> for Place<'_> {
    fn compare(&self, listed: &Listed) -> Ordering {
        self.cmp(&place_of(&listed.0))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use crate::domain::Profile;

    use super::*;

    fn member((millis, user): (u64, usize)) -> Member {
        let (user, at) = (user.to_string().as_str().into(), Time::from_millis(millis));
        Member::new(&user, &"s".into(), at, &Profile::default())
    }

    fn keys(members: impl Iterator<Item = Member>) -> Vec<MemberKey> {
        members.map(|member| MemberKey::from(&member)).collect()
    }

    fn is_few(list: &List) -> bool {
        matches!(list, List::Few(_))
    }

    #[test]
    fn the_form_follows_from_how_many_there_are() {
        let mut list = List::default();
        for user in 0..=PLAIN_MAX {
            assert!(is_few(&list), "{user}");
            list.insert(member((1, user)));
        }
        assert!(!is_few(&list));
        assert_eq!(list.len(), PLAIN_MAX + 1);
        for user in 0..=PLAIN_MAX {
            let member = member((1, user));
            assert!(list.remove(&member).is_some() && list.remove(&member).is_none());
        }
        assert!(is_few(&list) && list.len() == 0);
    }

    proptest! {
        #[test]
        fn both_forms_are_one_ordered_list(
            steps in prop::collection::vec((0u64..4, 0usize..12, any::<bool>()), 0..40),
            place in (0u64..4, 0usize..12),
        ) {
            let mut all = BTreeSet::new();
            let (mut few, mut many) = (List::default(), List::Many(OrdSet::new()));
            for (millis, user, is_new) in steps {
                let (place, member) = ((millis, user.to_string()), member((millis, user)));
                if !is_new {
                    let removed = all.remove(&place).then(|| member.clone());
                    prop_assert_eq!(few.remove(&member), removed.clone());
                    prop_assert_eq!(many.remove(&member), removed);
                } else if all.insert(place) {
                    few.insert(member.clone());
                    many.insert(member);
                }
                if all.is_empty() {
                    many = List::Many(OrdSet::new());
                }
            }
            let after = MemberKey::from(&member(place));
            for place in [None, Some(&after)] {
                let expected = all.iter().map(|(at, user)| MemberKey {
                    login_at: Time::from_millis(*at),
                    user: user.as_str().into(),
                });
                let expected: Vec<_> = expected
                    .filter(|key| {
                        let after = place.map(|place| (place.login_at, &place.user));
                        Some((key.login_at, &key.user)) > after
                    })
                    .collect();
                prop_assert_eq!(keys(few.after(place).cloned()), expected.clone());
                prop_assert_eq!(keys(many.after(place).cloned()), expected);
            }
            prop_assert_eq!((few.len(), many.len()), (all.len(), all.len()));
        }
    }
}
