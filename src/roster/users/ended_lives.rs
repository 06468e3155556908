//! Lives of a room that an entry ended.

use crate::{
    domain::UserIdRef,
    reconcile::room::{FormerUsers, Members},
};

/// Lives of a room that an entry ended, and what came after them. Together they have
/// everybody that was in the room before the entry.
#[derive(Debug)]
pub(crate) struct EndedLives<'a> {
    /// The users of those lives.
    pub(crate) former_users: &'a [FormerUsers],
    /// Those that are in the room after the entry. A life without an id may close and
    /// open again at once: users that logged in after its close stay.
    pub(crate) members: Option<&'a Members>,
}

impl EndedLives<'_> {
    /// How many users these are.
    pub(super) fn user_count(&self) -> usize {
        let former: usize = self.former_users.iter().map(FormerUsers::user_count).sum();
        former + self.members.map_or(0, Members::len)
    }

    /// The users. Some come more than once.
    pub(super) fn users(&self) -> impl Iterator<Item = UserIdRef<'_>> {
        let former = self.former_users.iter().flat_map(FormerUsers::users);
        let members = self.members.into_iter().flat_map(Members::iter);
        former.chain(members.map(|member| member.user()))
    }
}
