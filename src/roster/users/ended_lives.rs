//! The lives of a room that an entry ended.

use crate::{
    domain::UserIdRef,
    reconcile::room::{FormerUsers, Members},
};

/// The users of the lives of a room that an entry ended, and the members of the room after
/// the entry. Together they contain every user who was in the room before the entry.
#[derive(Debug)]
pub(crate) struct EndedLives<'a> {
    /// The users of the lives that ended.
    pub(crate) former_users: &'a [FormerUsers],
    /// The members of the room after the entry. An unnamed life can close and open again at
    /// once: users who logged in after its close stay.
    pub(crate) members: Option<&'a Members>,
}

impl EndedLives<'_> {
    /// The number of users. Some are counted more than once.
    pub(super) fn user_count(&self) -> usize {
        let former: usize = self.former_users.iter().map(FormerUsers::user_count).sum();
        former + self.members.map_or(0, Members::len)
    }

    /// The ids of the users. Some are returned more than once.
    pub(super) fn users(&self) -> impl Iterator<Item = UserIdRef<'_>> {
        let former = self.former_users.iter().flat_map(FormerUsers::users);
        let members = self.members.into_iter().flat_map(Members::iter);
        former.chain(members.map(|member| member.user()))
    }
}
