//! The end of logins up to a time, without an end of the life: a close of an unnamed life.

use std::mem;

use crate::{
    domain::{Time, UserId},
    reconcile::{Member, Rules, ordered_index::OrderedIndex, sessions::Sessions},
};

use super::{FormerUsers, Users, sessions_by_user::SessionsByUser};

/// The users who have a session that ends before the login that makes them present, or who are
/// not present. The other users are found in the list of members, which is ordered by login
/// time. So only few users take memory here.
pub(super) type EndIndex = OrderedIndex<Option<Time>, UserId>;

/// The logins that a close ended.
#[derive(Debug)]
pub(in crate::reconcile::room) struct EndedLogins {
    /// All who are not present any more, and perhaps others.
    pub(in crate::reconcile::room) former_users: FormerUsers,
    /// The members whose login ended, in the order in which they were listed, each with the
    /// login that makes them present now, if any does.
    pub(in crate::reconcile::room) ended: Vec<(Member, Option<Member>)>,
}

impl EndIndex {
    /// The index of these users, each with the login time of the member, if the user is present.
    pub(super) fn of<'a>(
        users: impl Iterator<Item = (&'a Sessions, Option<Option<Time>>)>,
    ) -> Self {
        let keys = users
            .filter_map(|(sessions, present)| Some((key(sessions, present)?, sessions.user()?)));
        keys.map(|(at, user)| (at, user.into())).collect()
    }
}

/// The time from which on a close changes the sessions. `None` if there are no sessions, or if it
/// is the login time by which the user is listed.
pub(super) fn key(sessions: &Sessions, present: Option<Option<Time>>) -> Option<Option<Time>> {
    let first = sessions.first_end()?;
    (present != Some(first)).then_some(first)
}

impl Users {
    /// Ends all logins up to a time, and forgets the sessions that have no later evidence.
    /// `None` if no member is affected.
    ///
    /// It costs as much as there are users with such sessions: a close that comes late must not
    /// look at all who entered since.
    pub(in crate::reconcile::room) fn end_through(
        &mut self,
        at: Option<Time>,
        rules: &Rules,
    ) -> Option<EndedLogins> {
        let affected = self.listed_through(at).count() + self.indexed_through(at).count();
        let (sessions_by_user, mut ended) = if affected > self.sessions_by_user.len() / 2 {
            self.end_of_most(at, rules)
        } else {
            self.end_of_few(at, rules)
        };
        if ended.is_empty() {
            return None;
        }
        ended.sort_unstable_by(|(a, _), (b, _)| {
            (a.login_at(), a.user()).cmp(&(b.login_at(), b.user()))
        });
        let former_users = FormerUsers(Users {
            sessions_by_user,
            ..Users::default()
        });
        Some(EndedLogins {
            former_users,
            ended,
        })
    }

    /// The members who logged in no later.
    fn listed_through(&self, at: Option<Time>) -> impl Iterator<Item = &Member> {
        let members = self.members.iter();
        members.take_while(move |member| member.login_at() <= at)
    }

    /// The indexed users who have a session that ends.
    fn indexed_through(&self, at: Option<Time>) -> impl Iterator<Item = &UserId> {
        let ends = self.ends.iter();
        ends.flat_map(move |ends| ends.through(at))
    }

    /// Goes through the users who are affected.
    fn end_of_few(&mut self, at: Option<Time>, rules: &Rules) -> Ended {
        let listed = self.listed_through(at);
        let listed = listed.map(|member| UserId::from(member.user()));
        let mut users: Vec<_> = listed.chain(self.indexed_through(at).cloned()).collect();
        users.sort_unstable();
        users.dedup();
        let (mut gone, mut ended) = (SessionsByUser::default(), Vec::new());
        for user in users {
            let mut of_user = Sessions::default();
            let change = self.change(&user, rules, |sessions| {
                if sessions.is_over_through(at) {
                    of_user = mem::take(sessions);
                } else {
                    sessions.end_through(at);
                }
            });
            if change.before != change.after {
                if of_user.is_empty() {
                    of_user = self
                        .sessions_by_user
                        .get(user.as_str())
                        .cloned()
                        .unwrap_or_default();
                }
                ended.extend(change.before.map(|before| (before, change.after)));
            }
            gone.insert(of_user);
        }
        (gone, ended)
    }

    /// Goes through all users, which costs less if most are affected.
    fn end_of_most(&mut self, at: Option<Time>, rules: &Rules) -> Ended {
        let (mut over, mut absent, mut ended) = (Vec::new(), Vec::new(), Vec::new());
        let members = &mut self.members;
        self.sessions_by_user.for_each_mut(|sessions| {
            let before = sessions.present(rules).cloned();
            let is_over = sessions.is_over_through(at);
            if is_over {
                over.extend(sessions.user_key());
            } else {
                sessions.end_through(at);
            }
            let after = sessions.present(rules).filter(|_| !is_over).cloned();
            if before != after {
                before.iter().for_each(|member| members.remove(member));
                after
                    .iter()
                    .for_each(|member| members.insert(member.clone()));
                // There is later evidence about the user.
                absent.extend((!is_over).then(|| sessions.clone()));
                ended.extend(before.map(|before| (before, after)));
            }
        });
        let gone = if over.len() == self.sessions_by_user.len() {
            mem::take(&mut self.sessions_by_user)
        } else {
            let mut gone = SessionsByUser::default();
            for user in over {
                gone.insert(
                    self.sessions_by_user
                        .change(user.user().as_str(), mem::take),
                );
            }
            for sessions in absent {
                gone.insert(sessions);
            }
            gone
        };
        self.derive_indexes(rules);
        (gone, ended)
    }
}

/// The sessions of the users who are gone, and the members whose login ended.
type Ended = (SessionsByUser, Vec<(Member, Option<Member>)>);

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use crate::domain::{LeaveReason, Login, Logout, Profile, SessionId};

    use super::*;

    /// What a user does: which user and session, when, and for a logout also when it was that
    /// the user logged in.
    type Act = (u8, u8, u64, Option<u64>);

    fn time(millis: u64) -> Option<Time> {
        Time::from_millis(millis)
    }

    fn act(users: &mut Users, (user, session, millis, logged_in): Act, rules: &Rules) {
        let (user, at) = (UserId::from(&*user.to_string()), time(millis));
        let session = SessionId::from(&*session.to_string());
        users.change(&user, rules, |sessions| match logged_in {
            Some(logged_in) => {
                let logout = Logout {
                    user: user.clone(),
                    session,
                    login_at: time(logged_in),
                    at,
                    reason: LeaveReason::Logout,
                    seq: None,
                };
                sessions.logout(&logout, Time::MIN, rules);
            }
            None => {
                let login = Login {
                    user: user.clone(),
                    session,
                    at,
                    profile: Profile::default(),
                    room_name: None,
                    seq: None,
                };
                sessions.login(&login, Time::MIN, rules);
            }
        });
    }

    /// All that is known of users, and what follows from it.
    fn all(users: &Users) -> impl PartialEq + std::fmt::Debug {
        let sessions = users.sorted_sessions().into_iter();
        let sessions =
            sessions.map(|sessions| format!("{:?}", sessions.iter().collect::<Vec<_>>()));
        (
            sessions.collect::<Vec<_>>(),
            users.members.iter().cloned().collect::<Vec<_>>(),
            users.due_times.iter().cloned().collect::<Vec<_>>(),
            users
                .ends
                .iter()
                .flat_map(|ends| ends.iter())
                .cloned()
                .collect::<Vec<_>>(),
        )
    }

    fn gone((gone, mut ended): Ended) -> impl PartialEq + std::fmt::Debug {
        let mut gone: Vec<_> = gone
            .iter()
            .filter_map(|it| it.user().map(UserId::from))
            .collect();
        gone.sort();
        ended.sort_by(|(a, _), (b, _)| a.user().cmp(&b.user()));
        (gone, ended)
    }

    proptest! {
        #[test]
        fn whom_a_close_affects_is_found_by_the_index_and_by_a_search(
            acts in vec(
                (0..12_u8, 0..3_u8, 0..20_u64, prop::option::weighted(0.4, 0..20_u64)),
                1..60,
            ),
            closes in vec(0..20_u64, 1..4),
        ) {
            let rules = Rules::default();
            let mut users = Users::new(true);
            for of_one_close in acts.chunks(acts.len().div_ceil(closes.len())).zip(closes) {
                let (acts, at) = of_one_close;
                acts.iter().for_each(|it| act(&mut users, *it, &rules));
                let (mut by_index, mut by_search) = (users.clone(), users.clone());
                let found = gone(by_index.end_of_few(time(at), &rules));
                prop_assert_eq!(found, gone(by_search.end_of_most(time(at), &rules)));
                prop_assert_eq!(all(&by_index), all(&by_search));
                users.end_through(time(at), &rules);
                prop_assert_eq!(all(&users), all(&by_search));
                let mut derived = users.clone();
                derived.derive_indexes(&rules);
                prop_assert_eq!(all(&users), all(&derived));
            }
        }
    }
}
