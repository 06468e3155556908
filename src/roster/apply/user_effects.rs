//! What one entry means for users. It is collected while rooms change, so that each
//! user is changed once.

use crate::{
    domain::{AppName, CloseReason, LeaveReason, RoomId, UserEvent},
    reconcile::{room::RoomChange, user::Membership},
    roster::users::{AffectedUser, Effect, EndedLives, UserEffect, Users},
};

/// What an entry means for users. The effects on one user are in their order.
#[derive(Debug, Default)]
pub(super) struct UserEffects<'e>(Vec<UserEffect<'e>>);

impl<'e> UserEffects<'e> {
    pub(super) fn push(
        &mut self,
        app: &AppName,
        user: impl Into<AffectedUser>,
        effect: Effect<'e>,
    ) {
        self.0.push(UserEffect {
            app: app.clone(),
            user: user.into(),
            effect,
        });
    }

    /// Adds what callbacks about the users' own connections mean.
    pub(super) fn push_events(&mut self, app: &AppName, events: &'e [UserEvent]) {
        for event in events {
            let user = match event {
                UserEvent::Login(login) => &login.user,
                UserEvent::Logout(logout) => &logout.user,
            };
            self.push(app, user.clone(), Effect::Event(event));
        }
    }

    /// Adds what a change of a room means for its users. `ended` are the lives of the
    /// room that the entry ended, if it did.
    pub(super) fn push_room_change(
        &mut self,
        app: &AppName,
        users: &Users,
        room: &RoomId,
        change: &RoomChange,
        ended: &EndedLives<'_>,
    ) {
        let effect = |membership| Effect::Membership(room.clone(), membership);
        match change {
            RoomChange::UserJoined(member) => {
                let entered = Membership::Entered(member.login_at());
                self.push(app, member, effect(entered));
            }
            RoomChange::UserUpdated(member) => {
                let stayed = Membership::Stayed(member.login_at());
                self.push(app, member, effect(stayed));
            }
            RoomChange::UserLeft { member, reason, at } => {
                self.push(app, member, effect(Membership::Left(*reason, *at)));
            }
            RoomChange::RoomClosed {
                room: closed,
                reason,
            } => {
                let reason = match reason {
                    CloseReason::Superseded => LeaveReason::Superseded,
                    _ => LeaveReason::RoomClosed,
                };
                // Only watched users are told: the rooms of the others are looked up
                // when they are queried.
                let watched = users.watched_in_ended_room(room, ended);
                // Users that entered by this entry are not among them yet.
                let watched = watched.into_iter().map(AffectedUser::from);
                let leaving: Vec<_> = watched.chain(self.entering(app, room)).collect();
                for user in leaving {
                    let left = Membership::Left(reason, closed.closed_at);
                    self.push(app, user, effect(left));
                }
            }
            RoomChange::RoomOpened(_) | RoomChange::RoomUpdated(_) => {}
        }
    }

    /// Users that enter a room by this entry, as far as it is applied.
    fn entering(&self, app: &AppName, room: &RoomId) -> impl Iterator<Item = AffectedUser> {
        let of_app = self.0.iter().filter(move |effect| effect.app == *app);
        of_app.filter_map(move |effect| match &effect.effect {
            Effect::Membership(entered, Membership::Entered(_)) if entered == room => {
                Some(effect.user.clone())
            }
            _ => None,
        })
    }

    /// All of them, those on one user together and in their order.
    pub(super) fn into_sorted(mut self) -> Vec<UserEffect<'e>> {
        // Stable, so the order of those on one user stays.
        self.0.sort_by(|a, b| a.key().cmp(&b.key()));
        self.0
    }
}
