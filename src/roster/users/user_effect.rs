//! The effects of an entry on one user.

use crate::{
    domain::{AppName, RoomId, Time, UserEvent, UserId, UserIdRef},
    reconcile::{
        EventOutcome, Member, Rules, UserKey,
        user::{Membership, User, UserChange},
    },
};

/// One effect of an entry on a user.
#[derive(Debug)]
pub(crate) struct UserEffect<'e> {
    pub(crate) app: AppName,
    pub(crate) user: AffectedUser,
    pub(crate) kind: UserEffectKind<'e>,
}

/// The user that an effect is on: an id, or a key that shares the allocation of a login.
#[derive(Clone, Debug)]
pub(crate) enum AffectedUser {
    Id(UserId),
    Key(UserKey),
}

/// What an effect does.
#[derive(Debug)]
pub(crate) enum UserEffectKind<'e> {
    /// The vendor reports a login or logout of one of the user's devices.
    Event(&'e UserEvent),
    /// The user entered or left a room, or stayed in it.
    Membership(RoomId, Membership),
    /// The user has something to forget.
    Due,
}

impl UserEffect<'_> {
    /// The app and the user, by which effects are ordered.
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

    /// The user as a key. It shares the allocation of a login, if there is one.
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

impl UserEffectKind<'_> {
    /// Whether the effect is on the user's rooms.
    pub(super) fn is_membership(&self) -> bool {
        matches!(self, Self::Membership(..))
    }

    /// The room that the user stays in with a new login or profile, if that is the effect.
    pub(super) fn stays_in(&self) -> Option<&RoomId> {
        match self {
            Self::Membership(room, Membership::Stayed(_)) => Some(room),
            _ => None,
        }
    }

    /// Whether the user enters a room that they are in already by their history. Then the
    /// history lacks that they left the room.
    pub(super) fn shows_unpublished_leave(&self, user: &User) -> bool {
        let Self::Membership(room, Membership::Entered(_)) = self else {
            return false;
        };
        user.may_be_in(room)
    }

    /// Whether the effect is an event that comes after a later one of the same device.
    pub(super) fn is_out_of_order(&self, user: &User) -> bool {
        matches!(self, Self::Event(event) if user.is_out_of_order(event))
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
