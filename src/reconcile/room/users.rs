//! The users of one life of a room: their sessions, who of them is present, and
//! when something of them is to be forgotten.

mod sessions_by_user;

use std::mem;

use imbl::OrdSet;

use crate::{
    domain::{LeaveReason, SessionId, Time, UserId, UserIdRef},
    reconcile::{Impossible, Member, Rules, sessions::Sessions},
};

use super::members::Members;

use self::sessions_by_user::SessionsByUser;

/// Users of whom one tick forgets something, at most. What a tick does for one room must
/// not delay the callbacks of others, and the next tick is a second away.
const FORGET_MAX: usize = 4096;

/// The users of one life of a room. A clone costs a few reference counts, however
/// many they are: a checkpoint takes one while callbacks wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Users {
    sessions_by_user: SessionsByUser,
    /// Those who are present: derived from the sessions.
    members: Members,
    /// When something of a user is due to be forgotten: exactly those users
    /// that [`Sessions::due_at`] gives a time.
    dues: OrdSet<(Time, UserId)>,
}

/// The users of a life that is over. They were not told of it yet. They can be many, and
/// to drop them takes long, so they are handed to a caller who can do it without a lock.
#[derive(Clone, Debug)]
pub struct FormerUsers(Users);

/// How an event changed whether one user is present.
#[derive(Debug, Default)]
pub(super) struct PresenceChange {
    pub(super) before: Option<Member>,
    pub(super) after: Option<Member>,
    /// How the user's deciding session ended, if it did.
    pub(super) left: Option<(LeaveReason, Option<Time>)>,
}

impl FormerUsers {
    /// Who they are.
    pub fn users(&self) -> impl Iterator<Item = UserIdRef<'_>> {
        self.0.sessions_by_user.iter().filter_map(Sessions::user)
    }

    /// How many they are.
    pub fn user_count(&self) -> usize {
        self.0.sessions_by_user.len()
    }
}

impl Users {
    /// The users, by id, so that one state has one order.
    pub(crate) fn sorted_sessions(&self) -> Vec<&Sessions> {
        let mut users: Vec<_> = self.sessions_by_user.iter().collect();
        users.sort_unstable_by_key(|sessions| sessions.user());
        users
    }

    /// Adds the sessions of a user that were remembered elsewhere. Nothing is
    /// [derived](Self::derive) yet.
    ///
    /// # Errors
    /// When there are none, or the user is known already.
    pub(crate) fn restore(&mut self, sessions: Sessions) -> Result<(), Impossible> {
        if sessions.is_empty() {
            return Err(Impossible::NoSessions);
        }
        let is_new = self.sessions_by_user.insert(sessions);
        is_new.then_some(()).ok_or(Impossible::UserTwice)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sessions_by_user.is_empty()
    }

    /// Derives from the sessions what follows from them by these rules.
    pub(super) fn derive(&mut self, rules: &Rules) {
        let present = (self.sessions_by_user.iter()).filter_map(|it| it.present(rules));
        present.for_each(|member| self.members.insert(member.clone()));
        self.derive_dues(rules);
    }

    /// Those who are present.
    pub(super) fn members(&self) -> &Members {
        &self.members
    }

    pub(super) fn knows(&self, user: &UserId, session: &SessionId) -> bool {
        let sessions = self.sessions_by_user.get(user.as_str());
        sessions.is_some_and(|sessions| sessions.knows(session))
    }

    /// Changes a user's sessions, and with them whether the user is present and
    /// when something is due.
    pub(super) fn change(
        &mut self,
        user: &UserId,
        rules: &Rules,
        change: impl FnOnce(&mut Sessions),
    ) -> PresenceChange {
        let ((before, due_before), (after, due_after), left) =
            self.sessions_by_user.change(user.as_str(), |sessions| {
                let state = |it: &Sessions| (it.present(rules).cloned(), it.due_at(rules));
                let before = state(sessions);
                change(sessions);
                let ended = sessions.ended(rules);
                let left = ended.map(|ended| (ended.reason, ended.at));
                (before, state(sessions), left)
            });
        if due_before != due_after {
            due_before.map(|due_at| self.dues.remove(&(due_at, user.clone())));
            due_after.map(|due_at| self.dues.insert((due_at, user.clone())));
        }
        if before != after {
            before.iter().for_each(|member| self.members.remove(member));
            let after = after.iter().cloned();
            after.for_each(|member| self.members.insert(member));
        }
        PresenceChange {
            before,
            after,
            left,
        }
    }

    /// Ends all logins up to a time, and forgets what is only about them. Returns the
    /// users that they were of, if anybody was present by one of them: all users who were
    /// present and are not any more, and perhaps others.
    pub(super) fn end_through(&mut self, at: Option<Time>, rules: &Rules) -> Option<FormerUsers> {
        let Self {
            sessions_by_user,
            members,
            ..
        } = self;
        let members_before = members.len();
        let mut ended = Vec::new();
        // Not present any more, though something later is known of them.
        let mut absent = Vec::new();
        sessions_by_user.for_each_mut(|sessions| {
            let before = sessions.present(rules).cloned();
            let is_over = sessions.is_over_through(at);
            if is_over {
                ended.extend(sessions.user_key());
            } else {
                sessions.end_through(at);
            }
            if is_over || before.as_ref() != sessions.present(rules) {
                before.iter().for_each(|member| members.remove(member));
                absent.extend((!is_over).then(|| sessions.clone()));
            }
        });
        let is_emptied = members.len() < members_before;
        let sessions_by_user = if ended.len() == sessions_by_user.len() {
            mem::take(sessions_by_user)
        } else {
            let mut gone = SessionsByUser::default();
            for user in ended {
                gone.insert(sessions_by_user.change(user.user().as_str(), mem::take));
            }
            for sessions in absent {
                gone.insert(sessions);
            }
            gone
        };
        self.derive_dues(rules);
        is_emptied.then(|| {
            FormerUsers(Users {
                sessions_by_user,
                ..Users::default()
            })
        })
    }

    fn derive_dues(&mut self, rules: &Rules) {
        let dues = self.sessions_by_user.iter();
        self.dues = dues
            .filter_map(|sessions| Some((sessions.due_at(rules)?, sessions.user()?.into())))
            .collect();
    }

    /// Makes nobody present, but forgets nothing.
    pub(super) fn hide(&mut self) {
        self.members = Members::default();
    }

    /// Forgets everybody.
    pub(super) fn clear(&mut self) -> Option<FormerUsers> {
        let users = mem::take(self);
        (!users.sessions_by_user.is_empty()).then_some(FormerUsers(users))
    }

    /// All of them, to be told that another life is the current one. What is known of them
    /// stays.
    pub(super) fn former_users(&self) -> Option<FormerUsers> {
        (!self.sessions_by_user.is_empty()).then(|| FormerUsers(self.clone()))
    }

    /// A user, if present.
    pub(super) fn present(&self, user: &str, rules: &Rules) -> Option<&Member> {
        self.sessions_by_user.get(user)?.present(rules)
    }

    /// Forgets what is due, of at most [`FORGET_MAX`] users; the others stay due. Users
    /// who are present stay present.
    pub(super) fn forget(&mut self, now: Time, rules: &Rules) -> Vec<PresenceChange> {
        let mut changes = Vec::new();
        for _ in 0..FORGET_MAX {
            let first = self.dues.get_min().filter(|(due_at, _)| *due_at <= now);
            let Some((_, user)) = first.cloned() else {
                break;
            };
            changes.push(self.change(&user, rules, |sessions| sessions.forget(now, rules)));
        }
        changes
    }

    /// When the first of them has something to forget.
    pub(super) fn due_at(&self) -> Option<Time> {
        self.dues.get_min().map(|(due_at, _)| *due_at)
    }
}
