//! The users of one life of a room: their sessions, who of them is present, and
//! when something of them is to be forgotten.

mod by_id;
mod stored;

use std::mem;

use imbl::OrdSet;

use crate::{
    domain::{LeaveReason, SessionId, Time, UserId, UserIdRef},
    reconcile::{Member, Rules, room::Members, sessions::Sessions},
};

use self::by_id::ById;

/// Users of whom one tick forgets something: what it does for one room must not
/// hold up the callbacks of others. The next tick is a second away.
const FORGET_MAX: usize = 4096;

/// The users of one life of a room. A clone costs a few reference counts, however
/// many they are: a checkpoint takes one while callbacks wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Users {
    by_id: ById,
    /// Those who are present: derived from the sessions.
    members: Members,
    /// When something of a user is due to be forgotten: exactly those users
    /// that [`Sessions::due_at`] gives a time.
    dues: OrdSet<(Time, UserId)>,
}

/// Users whose life of the room is over: whom nobody told. It can be many, and
/// long in dropping, so they are handed to whoever holds no lock.
#[derive(Clone, Debug)]
pub struct Remains(Users);

/// How an event changed whether one user is present.
#[derive(Debug, Default)]
pub(super) struct UserChange {
    pub(super) before: Option<Member>,
    pub(super) after: Option<Member>,
    /// How the user's deciding session ended, if it did.
    pub(super) left: Option<(LeaveReason, Option<Time>)>,
}

impl Remains {
    /// Whose they are.
    pub fn users(&self) -> impl Iterator<Item = UserIdRef<'_>> {
        self.0.by_id.iter().filter_map(Sessions::user)
    }

    /// How many they are of.
    pub fn user_count(&self) -> usize {
        self.0.by_id.len()
    }
}

impl Users {
    /// Those who are present.
    pub(super) fn members(&self) -> &Members {
        &self.members
    }

    pub(super) fn knows(&self, user: &UserId, session: &SessionId) -> bool {
        let sessions = self.by_id.get(user.as_str());
        sessions.is_some_and(|sessions| sessions.knows(session))
    }

    /// Changes a user's sessions, and with them whether the user is present and
    /// when something is due.
    pub(super) fn change(
        &mut self,
        user: &UserId,
        rules: &Rules,
        change: impl FnOnce(&mut Sessions),
    ) -> UserChange {
        let ((before, due_before), (after, due_after), left) =
            self.by_id.change(user.as_str(), |sessions| {
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
        UserChange {
            before,
            after,
            left,
        }
    }

    /// Ends all logins up to a time, and forgets what is only about them. Returns
    /// whose they were, if anybody was present by one of them: all users that were
    /// present and are not any more, and perhaps others.
    pub(super) fn end_through(&mut self, at: Option<Time>, rules: &Rules) -> Option<Remains> {
        let Self { by_id, members, .. } = self;
        let members_before = members.len();
        let mut ended = Vec::new();
        // Not present any more, though something later is known of them.
        let mut absent = Vec::new();
        by_id.for_each_mut(|sessions| {
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
        let by_id = if ended.len() == by_id.len() {
            mem::take(by_id)
        } else {
            let mut gone = ById::default();
            for user in ended {
                gone.insert(by_id.change(user.user().as_str(), mem::take));
            }
            for sessions in absent {
                gone.insert(sessions);
            }
            gone
        };
        self.derive_dues(rules);
        is_emptied.then(|| {
            Remains(Users {
                by_id,
                ..Users::default()
            })
        })
    }

    fn derive_dues(&mut self, rules: &Rules) {
        let dues = self.by_id.iter();
        self.dues = dues
            .filter_map(|sessions| Some((sessions.due_at(rules)?, sessions.user()?.into())))
            .collect();
    }

    /// Ends all logins, but forgets nothing.
    pub(super) fn hide(&mut self) {
        self.members = Members::default();
    }

    /// Forgets everybody.
    pub(super) fn clear(&mut self) -> Option<Remains> {
        let users = mem::take(self);
        (!users.by_id.is_empty()).then_some(Remains(users))
    }

    /// All of them, to be told of the end of what they were in, while what is known
    /// of them stays.
    pub(super) fn left_behind(&self) -> Option<Remains> {
        (!self.by_id.is_empty()).then(|| Remains(self.clone()))
    }

    /// A user, if present.
    pub(super) fn present(&self, user: &str, rules: &Rules) -> Option<&Member> {
        self.by_id.get(user)?.present(rules)
    }

    /// Forgets what is due, of at most [`FORGET_MAX`] users: the others stay due.
    /// Who is present stays present.
    pub(super) fn forget(&mut self, now: Time, rules: &Rules) -> Vec<UserChange> {
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
