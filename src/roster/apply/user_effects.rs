//! What one entry of the journal means for users: collected while its rooms are
//! changed, so that each user is changed once.

use crate::{
    domain::{AppName, CloseReason, LeaveReason, RoomId, Time, UserEvent, UserId, UserIdRef},
    reconcile::user::{Applied, Membership, User},
    reconcile::{Member, Rules, UserKey, room::RoomChange},
    roster::users::{AppUsers, memberships::Memberships, room_end_notifier::End},
};

/// What an entry means for users.
#[derive(Debug, Default)]
pub(in crate::roster) struct UserEffects<'e> {
    /// What concerns which user; what concerns one user, in its order.
    pub(in crate::roster) items: Vec<Item<'e>>,
    /// Lives of rooms that are over, which only those who are watched are told of.
    pub(in crate::roster) ends: Vec<End>,
}

/// Something that concerns a user.
#[derive(Debug)]
pub(in crate::roster) struct Item<'e> {
    app: AppName,
    user: Who,
    pub(in crate::roster) news: News<'e>,
}

/// A user whom something concerns. Whichever form is at hand, to spare an allocation.
#[derive(Clone, Debug)]
pub(in crate::roster) enum Who {
    Id(UserId),
    Key(UserKey),
}

/// What concerns a user.
#[derive(Debug)]
pub(in crate::roster) enum News<'e> {
    /// A vendor told of the user's own connection.
    Event(&'e UserEvent),
    /// The user entered or left a room.
    Membership(RoomId, Membership),
    /// Something of the user is to be forgotten.
    Due,
}

impl<'e> UserEffects<'e> {
    pub(in crate::roster) fn tell(&mut self, app: &AppName, user: impl Into<Who>, news: News<'e>) {
        let (app, user) = (app.clone(), user.into());
        self.items.push(Item { app, user, news });
    }

    pub(in crate::roster) fn tell_events(&mut self, app: &AppName, events: &'e [UserEvent]) {
        for event in events {
            let user = match event {
                UserEvent::Login(login) => &login.user,
                UserEvent::Logout(logout) => &logout.user,
            };
            self.tell(app, user.clone(), News::Event(event));
        }
    }

    /// Those who, so far, are to be told that they entered a room.
    fn entering(&self, app: &AppName, room: &RoomId) -> impl Iterator<Item = Who> {
        let items = self.items.iter().filter(move |item| item.app == *app);
        items.filter_map(move |item| match &item.news {
            News::Membership(entered, Membership::Entered(_)) if entered == room => {
                Some(item.user.clone())
            }
            _ => None,
        })
    }

    /// What a change of a room means for its users. A close tells only those who
    /// are watched: the others' rooms are looked up when they are asked for.
    pub(in crate::roster) fn tell_members(
        &mut self,
        app: &AppName,
        users: &AppUsers,
        room: &RoomId,
        change: &RoomChange,
    ) {
        let news = |membership| News::Membership(room.clone(), membership);
        match change {
            RoomChange::UserJoined(member) => {
                let entered = Membership::Entered(member.login_at());
                self.tell(app, member, news(entered));
            }
            RoomChange::UserUpdated(member) => {
                let stayed = Membership::Stayed(member.login_at());
                self.tell(app, member, news(stayed));
            }
            RoomChange::UserLeft { member, reason, at } => {
                self.tell(app, member, news(Membership::Left(*reason, *at)));
            }
            RoomChange::RoomClosed {
                room: closed,
                reason,
            } => {
                let reason = match reason {
                    CloseReason::Superseded => LeaveReason::Superseded,
                    _ => LeaveReason::RoomClosed,
                };
                let watched = users.watched_in(room).into_iter().map(Who::from);
                // Whom this entry let in does not know of it yet.
                let leaving: Vec<Who> = watched.chain(self.entering(app, room)).collect();
                for user in leaving {
                    self.tell(app, user, news(Membership::Left(reason, closed.closed_at)));
                }
            }
            RoomChange::RoomOpened(_) | RoomChange::RoomUpdated(_) => {}
        }
    }
}

impl Item<'_> {
    /// Whom it concerns.
    pub(in crate::roster) fn whose(&self) -> (&AppName, UserIdRef<'_>) {
        (&self.app, self.user.id())
    }

    /// Notes that the user entered or left a room, if that is what it is.
    pub(in crate::roster) fn note_in(&self, memberships: &Memberships) {
        let News::Membership(room, membership) = &self.news else {
            return;
        };
        match membership {
            Membership::Entered(_) | Membership::Stayed(_) => {
                memberships.enter(self.user.key(), room);
            }
            Membership::Left(..) => memberships.leave(self.user.id(), room),
        }
    }
}

impl Who {
    fn id(&self) -> UserIdRef<'_> {
        match self {
            Self::Id(id) => id.borrowed(),
            Self::Key(key) => key.user(),
        }
    }

    fn key(&self) -> UserKey {
        match self {
            Self::Id(id) => id.borrowed().into(),
            Self::Key(key) => key.clone(),
        }
    }
}

impl From<UserId> for Who {
    fn from(id: UserId) -> Self {
        Self::Id(id)
    }
}

impl From<&Member> for Who {
    fn from(member: &Member) -> Self {
        Self::Key(member.into())
    }
}

impl News<'_> {
    /// Whether the user stayed in a room, with something else known of him there.
    pub(in crate::roster) fn is_of_stay_in(&self, room: &RoomId) -> bool {
        matches!(self, Self::Membership(stayed, Membership::Stayed(_)) if stayed == room)
    }

    /// Whether the user was not told that he left the room that he enters now:
    /// nobody watched him, and it was not looked up since.
    pub(in crate::roster) fn shows_untold(&self, user: &User) -> bool {
        let Self::Membership(room, Membership::Entered(_)) = self else {
            return false;
        };
        user.may_be_in(room)
    }

    pub(in crate::roster) fn apply(&self, user: &mut User, at: Time, rules: &Rules) -> Applied {
        match self {
            News::Event(event) => user.apply(event, at, rules),
            News::Membership(room, membership) => {
                Applied::Joined(user.note(room, membership).into_iter().collect())
            }
            News::Due => Applied::Joined(user.tick(at, rules)),
        }
    }
}
