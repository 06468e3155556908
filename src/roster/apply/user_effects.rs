//! The effects of one entry on users. They are collected while rooms change, so that each
//! user is changed once.

use std::mem;

use crate::{
    domain::{AppName, CloseReason, LeaveReason, RoomId, UserEvent},
    reconcile::{room::RoomChange, user::Membership},
    roster::users::{AffectedUser, EndedLives, UserEffect, UserEffectKind, Users},
};

/// The effects of an entry on users. The effects on one user are in the order in which they
/// happened.
#[derive(Debug, Default)]
pub(super) struct UserEffects<'e>(Vec<UserEffect<'e>>);

/// Collects the effects of the changes of one room.
#[derive(Debug)]
pub(super) struct RoomEffects<'a, 'e> {
    pub(super) effects: &'a mut UserEffects<'e>,
    pub(super) app: &'a AppName,
    pub(super) users: &'a Users,
    pub(super) room: &'a RoomId,
    /// The users who entered by this entry, since the room last closed. They are not among the
    /// watched users of the room yet.
    pub(super) entering: Vec<AffectedUser>,
    /// Whether the room closed by this entry. Then nobody is left of those from before it.
    pub(super) has_closed: bool,
}

impl<'e> UserEffects<'e> {
    pub(super) fn push(
        &mut self,
        app: &AppName,
        user: impl Into<AffectedUser>,
        kind: UserEffectKind<'e>,
    ) {
        self.0.push(UserEffect {
            app: app.clone(),
            user: user.into(),
            kind,
        });
    }

    /// Adds the effects of events about the users' own connections.
    pub(super) fn push_events(&mut self, app: &AppName, events: &'e [UserEvent]) {
        for event in events {
            self.push(app, event.user().clone(), UserEffectKind::Event(event));
        }
    }

    /// All effects. Those on one user are together, and stay in their order.
    pub(super) fn into_sorted(mut self) -> Vec<UserEffect<'e>> {
        // A stable sort, so that the effects on one user stay in their order.
        self.0.sort_by(|a, b| a.key().cmp(&b.key()));
        self.0
    }
}

impl RoomEffects<'_, '_> {
    /// Adds the effects of a change of the room. `ended` has the lives of the room that the
    /// entry ended, if any.
    pub(super) fn push(&mut self, change: &RoomChange, ended: &EndedLives<'_>) {
        match change {
            RoomChange::UserJoined(member) => {
                self.entering.push(member.into());
                self.push_membership(member, Membership::Entered(member.login_at()));
            }
            RoomChange::UserUpdated(member) => {
                self.push_membership(member, Membership::Stayed(member.login_at()));
            }
            RoomChange::UserLeft { member, reason, at } => {
                self.push_membership(member, Membership::Left(*reason, *at));
            }
            RoomChange::RoomClosed {
                room: closed,
                reason,
            } => {
                let reason = match reason {
                    CloseReason::Superseded => LeaveReason::Superseded,
                    _ => LeaveReason::RoomClosed,
                };
                // Only watched users are changed here. The rooms of other users are looked up
                // when they are queried.
                let watched = if mem::replace(&mut self.has_closed, true) {
                    Vec::new()
                } else {
                    self.users.watched_in_ended_room(self.room, ended)
                };
                let entering = mem::take(&mut self.entering);
                let leaving = watched.into_iter().map(AffectedUser::from).chain(entering);
                for user in leaving {
                    self.push_membership(user, Membership::Left(reason, closed.closed_at));
                }
            }
            RoomChange::RoomOpened(_) | RoomChange::RoomUpdated(_) => {}
        }
    }

    fn push_membership(&mut self, user: impl Into<AffectedUser>, membership: Membership) {
        let kind = UserEffectKind::Membership(self.room.clone(), membership);
        self.effects.push(self.app, user, kind);
    }
}
