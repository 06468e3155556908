//! The users of one life of a room: their sessions, which of them are present, and when
//! their sessions are to be forgotten.

mod sessions_by_user;

use std::mem;

use imbl::OrdSet;

use crate::{
    domain::{LeaveReason, SessionId, Time, UserId, UserIdRef},
    reconcile::{InvalidEvidence, Member, Rules, sessions::Sessions},
};

use super::members::Members;

use self::sessions_by_user::SessionsByUser;

/// The most users of one life that one tick handles. A tick must not delay the callbacks
/// after it for long. The next tick comes a second later.
const FORGET_MAX: usize = 4096;

/// The users of one life of a room. To clone it costs a few reference counts, however many
/// users there are, because a checkpoint clones it while callbacks wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Users {
    sessions_by_user: SessionsByUser,
    /// The users who are present. This follows from the sessions.
    members: Members,
    /// When each user has something to forget. It contains exactly the users for which
    /// [`Sessions::due_at`] returns a time.
    due_times: OrdSet<(Time, UserId)>,
}

/// The users of a life that is over. They are not notified of its end yet. There can be many
/// of them, and to drop them takes long. So they are handed to the caller, who can notify and
/// drop them while it holds no lock.
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
    /// The ids of the users.
    pub fn users(&self) -> impl Iterator<Item = UserIdRef<'_>> {
        self.0.sessions_by_user.iter().filter_map(Sessions::user)
    }

    /// How many users there are.
    pub fn user_count(&self) -> usize {
        self.0.sessions_by_user.len()
    }
}

impl Users {
    /// The sessions of all users, ordered by user id, so that equal states give equal
    /// checkpoints.
    pub(crate) fn sorted_sessions(&self) -> Vec<&Sessions> {
        let mut users: Vec<_> = self.sessions_by_user.iter().collect();
        users.sort_unstable_by_key(|sessions| sessions.user());
        users
    }

    /// Adds the sessions of a user that are restored from a checkpoint. What follows from them
    /// is not [derived](Self::derive) yet.
    ///
    /// # Errors
    /// When there are no sessions, or the user is known already.
    pub(crate) fn restore(&mut self, sessions: Sessions) -> Result<(), InvalidEvidence> {
        if sessions.is_empty() {
            return Err(InvalidEvidence::UserWithoutSessions);
        }
        let is_new = self.sessions_by_user.insert(sessions);
        is_new.then_some(()).ok_or(InvalidEvidence::DuplicateUser)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sessions_by_user.is_empty()
    }

    /// Derives from the sessions, by these rules, who is present and when users are due.
    pub(super) fn derive(&mut self, rules: &Rules) {
        let present = (self.sessions_by_user.iter()).filter_map(|it| it.present(rules));
        present.for_each(|member| self.members.insert(member.clone()));
        self.derive_due_times(rules);
    }

    /// The users who are present.
    pub(super) fn members(&self) -> &Members {
        &self.members
    }

    pub(super) fn knows(&self, user: &UserId, session: &SessionId) -> bool {
        let sessions = self.sessions_by_user.get(user.as_str());
        sessions.is_some_and(|sessions| sessions.knows(session))
    }

    /// Changes a user's sessions. Then updates whether the user is present and when the user
    /// has something to forget.
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
            due_before.map(|due_at| self.due_times.remove(&(due_at, user.clone())));
            due_after.map(|due_at| self.due_times.insert((due_at, user.clone())));
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

    /// Ends all logins up to a time, and forgets the sessions that have no later evidence.
    /// Returns the affected users if any of them was present: all who are not present any
    /// more, and perhaps others.
    pub(super) fn end_through(&mut self, at: Option<Time>, rules: &Rules) -> Option<FormerUsers> {
        let Self {
            sessions_by_user,
            members,
            ..
        } = self;
        let members_before = members.len();
        let mut ended = Vec::new();
        // Users who are not present any more, but about whom there is later evidence.
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
        self.derive_due_times(rules);
        is_emptied.then(|| {
            FormerUsers(Users {
                sessions_by_user,
                ..Users::default()
            })
        })
    }

    fn derive_due_times(&mut self, rules: &Rules) {
        let due_times = self.sessions_by_user.iter();
        self.due_times = due_times
            .filter_map(|sessions| Some((sessions.due_at(rules)?, sessions.user()?.into())))
            .collect();
    }

    /// Removes all members, but keeps the sessions.
    pub(super) fn hide(&mut self) {
        self.members = Members::default();
    }

    /// Forgets all users, and returns them.
    pub(super) fn clear(&mut self) -> Option<FormerUsers> {
        let users = mem::take(self);
        (!users.sessions_by_user.is_empty()).then_some(FormerUsers(users))
    }

    /// All users, to be notified that another life is current. Their sessions are kept.
    pub(super) fn former_users(&self) -> Option<FormerUsers> {
        (!self.sessions_by_user.is_empty()).then(|| FormerUsers(self.clone()))
    }

    /// The member with this user id, if the user is present.
    pub(super) fn present(&self, user: &str, rules: &Rules) -> Option<&Member> {
        self.sessions_by_user.get(user)?.present(rules)
    }

    /// Forgets what is due at `now` about at most [`FORGET_MAX`] users; the others stay due.
    /// Users who are present stay present.
    pub(super) fn forget(&mut self, now: Time, rules: &Rules) -> Vec<PresenceChange> {
        let mut changes = Vec::new();
        for _ in 0..FORGET_MAX {
            let first = self
                .due_times
                .get_min()
                .filter(|(due_at, _)| *due_at <= now);
            let Some((_, user)) = first.cloned() else {
                break;
            };
            changes.push(self.change(&user, rules, |sessions| sessions.forget(now, rules)));
        }
        changes
    }

    /// When the next user has something to forget.
    pub(super) fn due_at(&self) -> Option<Time> {
        self.due_times.get_min().map(|(due_at, _)| *due_at)
    }
}
