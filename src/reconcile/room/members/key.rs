//! Where a member is in the list of a room's members.

use crate::{
    domain::{Time, UserId, UserIdRef},
    reconcile::Member,
};

/// A member's position in the list: by login time, then by user id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberKey {
    /// When the member logged in. An unknown time comes first.
    pub login_at: Option<Time>,
    /// The id of the user.
    pub user: UserId,
}

/// A [`MemberKey`], borrowed.
pub(super) type Position<'a> = (Option<Time>, UserIdRef<'a>);

pub(super) fn position_of(member: &Member) -> Position<'_> {
    (member.login_at(), member.user())
}

impl MemberKey {
    pub(super) fn position(&self) -> Position<'_> {
        (self.login_at, self.user.borrowed())
    }
}

impl From<&Member> for MemberKey {
    fn from(member: &Member) -> Self {
        Self {
            login_at: member.login_at(),
            user: member.user().into(),
        }
    }
}
