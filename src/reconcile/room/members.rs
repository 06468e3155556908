//! The users present in one life of a room, in the order they are listed.

mod key;
mod member_list;

use crate::{
    domain::Role,
    reconcile::{Member, digest_of},
};

use self::member_list::MemberList;

pub use self::key::MemberKey;

/// The members of a room. A clone is a snapshot: later changes do not affect it. To clone
/// costs a few reference counts however large the room is, so a reader of a large room does
/// not delay its writer.
#[derive(Clone, Debug, Default)]
pub struct Members {
    list: MemberList,
    admins: usize,
    digest: u64,
}

impl Members {
    /// How many users are present, recorders and bots included.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether no user is present.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many users are present, recorders and bots excluded.
    pub fn user_count(&self) -> usize {
        self.list.len() - self.admins
    }

    /// The wrapping sum of [`digest_of`] over all members.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// All members, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.after(None)
    }

    /// The members after a position in the list; all members if it is `None`. The position
    /// need not be that of a member.
    pub fn after(&self, key: Option<&MemberKey>) -> impl Iterator<Item = &Member> {
        self.list.after(key)
    }

    /// How many clones share a short list of members; `None` for a long one.
    #[cfg(test)]
    pub(crate) fn shared_by(&self) -> Option<usize> {
        self.list.shared_by()
    }

    pub(super) fn insert(&mut self, member: Member) {
        self.admins += usize::from(is_admin(&member));
        self.digest = self.digest.wrapping_add(hash_of(&member));
        self.list.insert(member);
    }

    pub(super) fn remove(&mut self, member: &Member) {
        if let Some(member) = self.list.remove(member) {
            self.admins -= usize::from(is_admin(&member));
            self.digest = self.digest.wrapping_sub(hash_of(&member));
        }
    }
}

fn is_admin(member: &Member) -> bool {
    member.role() == Role::Admin
}

fn hash_of(member: &Member) -> u64 {
    digest_of(member.user().as_str(), member.session().as_str())
}

#[cfg(test)]
mod tests {
    use crate::domain::{Profile, Time};

    use super::*;

    fn member(user: &str, at: u64) -> Member {
        let login_at = Time::from_millis(at);
        Member::new(&user.into(), &"s".into(), login_at, &Profile::default())
    }

    #[test]
    fn a_clone_is_a_snapshot() {
        let mut members = Members::default();
        members.insert(member("u1", 2));
        let snapshot = members.clone();
        members.insert(member("u2", 1));
        members.remove(&member("u1", 2));
        assert_eq!(
            snapshot
                .iter()
                .map(|m| m.user().as_str())
                .collect::<Vec<_>>(),
            ["u1"]
        );
        assert_eq!(
            members
                .iter()
                .map(|m| m.user().as_str())
                .collect::<Vec<_>>(),
            ["u2"]
        );
        members.remove(&member("u2", 1));
        assert_eq!((members.digest(), members.user_count()), (0, 0));
    }

    #[test]
    fn a_list_goes_on_after_a_member_who_left() {
        let mut members = Members::default();
        ["a", "b", "c"]
            .iter()
            .zip(1..)
            .for_each(|(user, at)| members.insert(member(user, at)));
        let key = MemberKey::from(&member("b", 2));
        members.remove(&member("b", 2));
        let rest: Vec<_> = members
            .after(Some(&key))
            .map(|m| m.user().as_str())
            .collect();
        assert_eq!(rest, ["c"]);
    }
}
