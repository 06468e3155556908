//! Members in order. A few members are kept in a vector, which takes little memory. Many
//! members are kept in a persistent set, which takes little time to clone.

use std::{cmp::Ordering, mem, ops::Bound, sync::Arc};

use equivalent::{Comparable, Equivalent};
use imbl::OrdSet;

use crate::reconcile::Member;

use super::key::{MemberKey, Position, position_of};

/// The most members in a vector. A change copies the vector if a reader has a clone of it,
/// which takes a few microseconds for so many members. A set of few members takes twice the
/// memory of a vector, and most rooms are small.
const PLAIN_MAX: usize = 256;

/// Members by login time, then by user id. To clone it costs a reference count.
#[derive(Clone, Debug)]
pub(super) enum MemberList {
    Few(Arc<Vec<Member>>),
    Many(OrdSet<Listed>),
}

/// A member in the set. It is equal and ordered by its position.
#[derive(Clone, Debug)]
pub(super) struct Listed(Member);

impl Default for MemberList {
    fn default() -> Self {
        Self::Few(Arc::default())
    }
}

impl MemberList {
    /// How many clones share the vector; `None` for a set, which cannot tell.
    #[cfg(test)]
    pub(super) fn shared_by(&self) -> Option<usize> {
        match self {
            Self::Few(list) => Some(Arc::strong_count(list)),
            Self::Many(_) => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(list) => list.len(),
            Self::Many(set) => set.len(),
        }
    }

    /// The members after a position, which need not be that of a member; all members if it is
    /// `None`.
    pub(super) fn after(&self, key: Option<&MemberKey>) -> impl Iterator<Item = &Member> {
        let (few, many) = match self {
            Self::Few(list) => {
                let is_before =
                    |member: &Member| key.is_some_and(|key| position_of(member) <= key.position());
                (&list[list.partition_point(is_before)..], None)
            }
            Self::Many(set) => {
                let after = key.map(MemberKey::position);
                let from = (after.as_ref()).map_or(Bound::Unbounded, Bound::Excluded);
                let range = set.range::<_, Position<'_>>((from, Bound::Unbounded));
                (&[][..], Some(range))
            }
        };
        let many = many.into_iter().flatten();
        few.iter().chain(many.map(|Listed(member)| member))
    }

    /// Adds a member. No other member may have the same position.
    pub(super) fn insert(&mut self, member: Member) {
        match self {
            Self::Few(list) if list.len() < PLAIN_MAX => {
                let list = Arc::make_mut(list);
                let last = list.last().map(position_of);
                let at = if last < Some(position_of(&member)) {
                    list.len()
                } else {
                    list.partition_point(|other| position_of(other) < position_of(&member))
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

    /// Removes the member that has the same position as this one, and returns it.
    pub(super) fn remove(&mut self, member: &Member) -> Option<Member> {
        let removed = match self {
            Self::Few(list) => {
                let position = position_of(member);
                let at = list.binary_search_by(|other| position_of(other).cmp(&position));
                let at = at.ok()?;
                Arc::make_mut(list).remove(at)
            }
            Self::Many(set) => set.remove(&position_of(member))?.0,
        };
        if self.len() == 0 {
            *self = Self::default();
        }
        Some(removed)
    }
}

impl Ord for Listed {
    fn cmp(&self, other: &Self) -> Ordering {
        position_of(&self.0).cmp(&position_of(&other.0))
    }
}

impl PartialOrd for Listed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Listed {
    fn eq(&self, other: &Self) -> bool {
        position_of(&self.0) == position_of(&other.0)
    }
}

impl Eq for Listed {}

impl Equivalent<Listed> for Position<'_> {
    fn equivalent(&self, listed: &Listed) -> bool {
        self.compare(listed).is_eq()
    }
}

impl Comparable<Listed> for Position<'_> {
    fn compare(&self, listed: &Listed) -> Ordering {
        self.cmp(&position_of(&listed.0))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use crate::domain::{Profile, Time};

    use super::*;

    fn member((millis, user): (u64, usize)) -> Member {
        let (user, at) = (user.to_string().as_str().into(), Time::from_millis(millis));
        Member::new(&user, &"s".into(), at, &Profile::default())
    }

    fn keys(members: impl Iterator<Item = Member>) -> Vec<MemberKey> {
        members.map(|member| MemberKey::from(&member)).collect()
    }

    fn is_few(list: &MemberList) -> bool {
        matches!(list, MemberList::Few(_))
    }

    #[test]
    fn the_form_follows_from_how_many_there_are() {
        let mut list = MemberList::default();
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
            let (mut few, mut many) = (MemberList::default(), MemberList::Many(OrdSet::new()));
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
                    many = MemberList::Many(OrdSet::new());
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
