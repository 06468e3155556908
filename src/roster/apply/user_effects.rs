//! The effects of one entry on users. They are collected while rooms change, so that each
//! user is changed once.

use crate::{
    domain::{AppName, CloseReason, LeaveReason, RoomId, UserEvent},
    reconcile::{room::RoomChange, user::Membership},
    roster::users::{AffectedUser, EndedLives, UserEffect, UserEffectKind, Users},
};

/// The effects of an entry on users. The effects on one user are in the order in which they
/// happened.
#[derive(Debug, Default)]
pub(super) struct UserEffects<'e>(Vec<UserEffect<'e>>);

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
            let user = match event {
                UserEvent::Login(login) => &login.user,
                UserEvent::Logout(logout) => &logout.user,
            };
            self.push(app, user.clone(), UserEffectKind::Event(event));
        }
    }

    /// Adds the effects of a change of a room on its users. `ended` has the lives of the room
    /// that the entry ended, if any.
    pub(super) fn push_room_change(
        &mut self,
        app: &AppName,
        users: &Users,
        room: &RoomId,
        change: &RoomChange,
        ended: &EndedLives<'_>,
    ) {
        let kind = |membership| UserEffectKind::Membership(room.clone(), membership);
        match change {
            RoomChange::UserJoined(member) => {
                let entered = Membership::Entered(member.login_at());
                self.push(app, member, kind(entered));
            }
            RoomChange::UserUpdated(member) => {
                let stayed = Membership::Stayed(member.login_at());
                self.push(app, member, kind(stayed));
            }
            RoomChange::UserLeft { member, reason, at } => {
                self.push(app, member, kind(Membership::Left(*reason, *at)));
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
                let watched = users.watched_in_ended_room(room, ended);
                // Users who entered by this same entry are not among the watched users of the
                // room yet.
                let watched = watched.into_iter().map(AffectedUser::from);
                let leaving: Vec<_> = watched.chain(self.entering(app, room)).collect();
                for user in leaving {
                    let left = Membership::Left(reason, closed.closed_at);
                    self.push(app, user, kind(left));
                }
            }
            RoomChange::RoomOpened(_) | RoomChange::RoomUpdated(_) => {}
        }
    }

    /// The users who enter a room by this entry, by the effects that were collected so far.
    fn entering(&self, app: &AppName, room: &RoomId) -> impl Iterator<Item = AffectedUser> {
        let of_app = self.0.iter().filter(move |effect| effect.app == *app);
        of_app.filter_map(move |effect| match &effect.kind {
            UserEffectKind::Membership(entered, Membership::Entered(_)) if entered == room => {
                Some(effect.user.clone())
            }
            _ => None,
        })
    }

    /// All effects. Those on one user are together, and stay in their order.
    pub(super) fn into_sorted(mut self) -> Vec<UserEffect<'e>> {
        // A stable sort, so that the effects on one user stay in their order.
        self.0.sort_by(|a, b| a.key().cmp(&b.key()));
        self.0
    }
}
