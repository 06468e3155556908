//! The users of one life of a room: their sessions, which of them are present, and when
//! their sessions are to be forgotten.

mod ending;
mod sessions_by_user;

use std::mem;

use crate::{
    domain::{LeaveReason, SessionId, Time, UserId, UserIdRef},
    reconcile::{
        Footprint, InvalidEvidence, Member, Rules, footprint::USER_IN_ROOM,
        ordered_index::OrderedIndex, sessions::Sessions,
    },
};

use super::members::Members;

use self::{ending::EndIndex, sessions_by_user::SessionsByUser};

pub(super) use self::ending::EndedLogins;

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
    due_times: OrderedIndex<Time, UserId>,
    /// Finds the users of an unnamed life whose logins end with a close. `None` if the life has
    /// an id: then a close ends all.
    ends: Option<Box<EndIndex>>,
    /// What the sessions take.
    taken: Footprint,
}

/// What follows from the sessions of one user.
#[derive(Debug)]
struct Standing {
    present: Option<Member>,
    due_at: Option<Time>,
    /// The key of the user in the index of ends.
    ends_at: Option<Option<Time>>,
    footprint: Footprint,
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

    /// The users of a life that nobody has entered yet.
    pub(super) fn new(is_unnamed: bool) -> Self {
        Self {
            ends: is_unnamed.then(Box::default),
            ..Self::default()
        }
    }

    /// What the users take.
    pub(super) fn footprint(&self) -> Footprint {
        let users = self.sessions_by_user.len();
        let mut footprint = self.taken;
        footprint += Footprint {
            users,
            bytes: users * USER_IN_ROOM,
            ..Footprint::default()
        };
        footprint
    }

    /// Derives from the sessions, by these rules, who is present and what the indexes find.
    pub(super) fn derive(&mut self, is_unnamed: bool, rules: &Rules) {
        let present = (self.sessions_by_user.iter()).filter_map(|it| it.present(rules));
        present.for_each(|member| self.members.insert(member.clone()));
        self.ends = is_unnamed.then(Box::default);
        self.derive_indexes(rules);
    }

    fn derive_indexes(&mut self, rules: &Rules) {
        let users = || self.sessions_by_user.iter();
        let due_times =
            users().filter_map(|sessions| Some((sessions.due_at(rules)?, sessions.user()?.into())));
        let due_times = due_times.collect();
        let ends = self.ends.is_some().then(|| {
            let present = |sessions: &Sessions| sessions.present(rules).map(Member::login_at);
            EndIndex::of(users().map(|sessions| (sessions, present(sessions))))
        });
        let taken = users().map(Sessions::footprint).sum();
        (self.due_times, self.ends, self.taken) = (due_times, ends.map(Box::new), taken);
    }

    fn standing(sessions: &Sessions, is_unnamed: bool, rules: &Rules) -> Standing {
        let present = sessions.present(rules);
        let ends_at = || ending::key(sessions, present.map(Member::login_at));
        Standing {
            ends_at: is_unnamed.then(ends_at).flatten(),
            present: present.cloned(),
            due_at: sessions.due_at(rules),
            footprint: sessions.footprint(),
        }
    }

    /// The users who are present.
    pub(super) fn members(&self) -> &Members {
        &self.members
    }

    /// How many sessions of a user there are.
    pub(super) fn session_count(&self, user: &UserId) -> usize {
        let sessions = self.sessions_by_user.get(user.as_str());
        sessions.map_or(0, Sessions::len)
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
        let is_unnamed = self.ends.is_some();
        let (before, after, left) = self.sessions_by_user.change(user.as_str(), |sessions| {
            let before = Self::standing(sessions, is_unnamed, rules);
            change(sessions);
            let ended = sessions.ended(rules);
            let left = ended.map(|ended| (ended.reason, ended.at));
            (before, Self::standing(sessions, is_unnamed, rules), left)
        });
        self.taken += after.footprint;
        self.taken -= before.footprint;
        let was_known = before.footprint != Footprint::default();
        self.due_times.put(user, before.due_at, after.due_at);
        if let Some(ends) = &mut self.ends {
            ends.put(user, before.ends_at, after.ends_at);
        }
        let (before, after) = (before.present, after.present);
        if before != after {
            before.iter().for_each(|member| self.members.remove(member));
            if let Some(member) = after.as_ref().filter(|_| was_known) {
                self.sessions_by_user.share_key(member);
            }
            let after = after.iter().cloned();
            after.for_each(|member| self.members.insert(member));
        }
        PresenceChange {
            before,
            after,
            left,
        }
    }

    /// Removes all members, but keeps the sessions.
    pub(super) fn hide(&mut self) {
        self.members = Members::default();
    }

    /// Forgets all users, and returns them.
    pub(super) fn clear(&mut self) -> Option<FormerUsers> {
        let users = mem::replace(self, Self::new(self.ends.is_some()));
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
            let first = self.due_times.first();
            let first = first.filter(|(due_at, _)| *due_at <= now);
            let Some((_, user)) = first.cloned() else {
                break;
            };
            changes.push(self.change(&user, rules, |sessions| sessions.forget(now, rules)));
        }
        changes
    }

    /// When the next user has something to forget.
    pub(super) fn due_at(&self) -> Option<Time> {
        self.due_times.first().map(|(due_at, _)| *due_at)
    }
}
