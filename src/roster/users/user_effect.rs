//! What an entry means for one user.

use crate::{
    domain::{AppName, RoomId, Time, UserEvent, UserId, UserIdRef},
    reconcile::{
        EventOutcome, Member, Rules, UserKey,
        user::{Membership, User, UserChange},
    },
};

/// Something that an entry means for a user.
#[derive(Debug)]
pub(crate) struct UserEffect<'e> {
    pub(crate) app: AppName,
    pub(crate) user: AffectedUser,
    pub(crate) effect: Effect<'e>,
}

/// The user: in the form that is at hand, to spare an allocation.
#[derive(Clone, Debug)]
pub(crate) enum AffectedUser {
    Id(UserId),
    Key(UserKey),
}

/// What it means.
#[derive(Debug)]
pub(crate) enum Effect<'e> {
    /// A vendor reports a connection of the user's own.
    Event(&'e UserEvent),
    /// The user entered or left a room, or stayed in it.
    Membership(RoomId, Membership),
    /// Something of the user is to be forgotten.
    Due,
}

impl UserEffect<'_> {
    /// The user, by what effects are ordered.
    pub(crate) fn key(&self) -> (&AppName, UserIdRef<'_>) {
        (&self.app, self.user.id())
    }
}

impl AffectedUser {
    pub(crate) fn id(&self) -> UserIdRef<'_> {
        match self {
            Self::Id(id) => id.borrowed(),
            Self::Key(key) => key.user(),
        }
    }

    /// A key that shares the allocation of a login, if there is one.
    pub(super) fn to_key(&self) -> UserKey {
        match self {
            Self::Id(id) => id.borrowed().into(),
            Self::Key(key) => key.clone(),
        }
    }
}

impl From<UserId> for AffectedUser {
    fn from(id: UserId) -> Self {
        Self::Id(id)
    }
}

impl From<&Member> for AffectedUser {
    fn from(member: &Member) -> Self {
        Self::Key(member.into())
    }
}

impl Effect<'_> {
    /// Whether it is about the user's rooms.
    pub(super) fn is_membership(&self) -> bool {
        matches!(self, Self::Membership(..))
    }

    /// Whether the user stays in this room, of which something else is known now.
    pub(super) fn is_stay_in(&self, room: &RoomId) -> bool {
        matches!(self, Self::Membership(stayed, Membership::Stayed(_)) if stayed == room)
    }

    /// Whether the user enters a room that they are in as far as their own history
    /// says: it lacks that they left.
    pub(super) fn shows_unpublished_leave(&self, user: &User) -> bool {
        let Self::Membership(room, Membership::Entered(_)) = self else {
            return false;
        };
        user.may_be_in(room)
    }

    pub(super) fn apply(
        &self,
        user: &mut User,
        at: Time,
        rules: &Rules,
    ) -> EventOutcome<UserChange> {
        match self {
            Self::Event(event) => user.apply(event, at, rules),
            Self::Membership(room, membership) => {
                EventOutcome::Applied(user.note_membership(room, membership).into_iter().collect())
            }
            Self::Due => EventOutcome::Applied(user.tick(at, rules)),
        }
    }
}
