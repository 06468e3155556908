//! The sessions of one user, in one life of a room or in a chat service. They decide
//! whether the user is present.
//!
//! Every time that is kept is a maximum, so it does not matter in which order and how often
//! events arrive.

mod session;
mod session_list;

use crate::{
    domain::{
        LeaveReason, Login, Logins, Logout, SessionId, SessionIdRef, Time, UserId, UserIdRef,
    },
    reconcile::{
        CLOCK_SKEW, InvalidEvidence, Member, Rule, Rules, UserKey, rules::LOGOUT_RESOLUTION,
    },
};

use self::session_list::SessionList;

pub(crate) use self::session::{Ended, Session, SessionEvidence};

/// The sessions of one user. A user who is present usually has one session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions(SessionList);

impl Sessions {
    /// Adds a login to the evidence.
    pub(crate) fn login(&mut self, login: &Login, evidence_at: Time, rules: &Rules) {
        let member = Member::from(login);
        if self.is_empty() {
            let login = member;
            self.0 = SessionList::OneLogin { login, evidence_at };
            return;
        }
        let (user, id) = (&login.user, login.session.borrowed());
        self.0.change(user, id, evidence_at, |session| {
            session.login_known_at = session.login_known_at.max(member.login_at());
            if !rules.keeps(Rule::EndsAreFinal) {
                session.ended = None;
            }
            let newer = session.login.as_ref().is_none_or(|login| {
                (member.login_at(), member.profile()) > (login.login_at(), login.profile())
            });
            if newer || !rules.keeps(Rule::LatestLoginCounts) {
                session.login = Some(member.clone());
            }
        });
    }

    /// Adds a logout to the evidence.
    pub(crate) fn logout(&mut self, logout: &Logout, evidence_at: Time, rules: &Rules) {
        if !self.knows(&logout.session) && !rules.keeps(Rule::LogoutsLeaveTombstones) {
            return;
        }
        let (user, id) = (&logout.user, logout.session.borrowed());
        self.0.change(user, id, evidence_at, |session| {
            if rules.keeps(Rule::NamedLoginsDecide) {
                session.login_known_at = session.login_known_at.max(logout.login_at);
            }
            let (through, last) = (ends_through(logout, rules), (logout.at, logout.reason));
            let (through, (at, reason)) = match session.ended {
                Some(ended) => (
                    through.max(ended.through),
                    last.max((ended.at, ended.reason)),
                ),
                None => (through, last),
            };
            session.ended = Some(Ended {
                through,
                at,
                reason,
            });
        });
    }

    /// Ends all logins up to a time: forgets the sessions that have no later evidence.
    pub(crate) fn end_through(&mut self, at: Option<Time>) {
        self.0.retain(|session| session.is_known_after(at));
    }

    /// Whether [`end_through`](Self::end_through) this time would leave no session.
    pub(crate) fn is_over_through(&self, at: Option<Time>) -> bool {
        !self.0.iter().any(|session| session.is_known_after(at))
    }

    /// The user of these sessions; `None` if there are no sessions.
    pub(crate) fn user(&self) -> Option<UserIdRef<'_>> {
        self.0.user()
    }

    /// The user as a key. The key shares the allocation of a login, if one is known.
    pub(crate) fn user_key(&self) -> Option<UserKey> {
        let login = self.0.iter().find_map(|session| session.login);
        login.map_or_else(
            || self.user().map(UserKey::from),
            |login| Some(login.into()),
        )
    }

    /// Whether there is evidence about a session.
    pub(crate) fn knows(&self, id: &SessionId) -> bool {
        self.0.iter().any(|session| session.id() == id.borrowed())
    }

    /// The login that makes the user present, if any does. If several do, it is the latest.
    pub(crate) fn present(&self, rules: &Rules) -> Option<&Member> {
        if rules.logins == Logins::Concurrent {
            let logins = self.live_logins();
            return logins.max_by(|a, b| {
                let by_time = a.login_at().cmp(&b.login_at());
                by_time.then_with(|| a.session().cmp(&b.session()))
            });
        }
        let deciding = self.deciding(rules)?;
        deciding.login.filter(|_| deciding.is_live())
    }

    /// All logins that make the user present: at most one where logins are exclusive.
    pub(crate) fn live(&self, rules: &Rules) -> Vec<&Member> {
        match rules.logins {
            Logins::Exclusive => self.present(rules).into_iter().collect(),
            Logins::Concurrent => self.live_logins().collect(),
        }
    }

    fn live_logins(&self) -> impl Iterator<Item = &Member> {
        let live = self.0.iter().filter(Session::is_live);
        live.filter_map(|session| session.login)
    }

    /// How a session ended, if it did and no later login of it is known.
    pub(crate) fn ended_of(&self, id: SessionIdRef<'_>) -> Option<Ended> {
        let mut ended = self.0.iter().filter(|session| !session.is_live());
        ended.find(|session| session.id() == id)?.ended
    }

    /// How the deciding session ended, if it did.
    pub(crate) fn ended(&self, rules: &Rules) -> Option<Ended> {
        self.deciding(rules)?.ended
    }

    /// The session that decides whether the user is present: the one with the latest known
    /// login. An older session never decides, so the user does not become present again if
    /// the logout of an older session is lost.
    fn deciding(&self, rules: &Rules) -> Option<Session<'_>> {
        let ties = rules.keeps(Rule::TiesGoToTheGreaterSession);
        let latest = rules.keeps(Rule::LatestSessionDecides);
        self.0.iter().reduce(|best, next| {
            let wins = if !latest {
                next.is_live() || !best.is_live()
            } else if next.login_known_at == best.login_known_at {
                ties && next.id() > best.id()
            } else {
                next.login_known_at > best.login_known_at
            };
            if wins { next } else { best }
        })
    }

    /// When the user next has something to forget. While the user is present, that is when
    /// the first of the other sessions is due. Otherwise all sessions are forgotten together,
    /// when the last one is due: if they were forgotten one by one, a session whose logout was
    /// lost could be left over, and would decide.
    pub(crate) fn due_at(&self, rules: &Rules) -> Option<Time> {
        let is_present = self.present(rules).is_some();
        let due_at = |session: Session<'_>| session.due_at(rules);
        if !is_present && rules.keeps(Rule::AbsentUsersGoWhole) {
            return self.0.iter().map(due_at).max();
        }
        let counts = self.counting(rules);
        let others = self.0.iter().filter(|session| !counts(session));
        others.map(due_at).min()
    }

    /// Forgets what is due at `now`. The caller drops the user when no session is left.
    pub(crate) fn forget(&mut self, now: Time, rules: &Rules) {
        if self.due_at(rules).is_none_or(|due_at| due_at > now) {
            return;
        }
        let counts = self.counting(rules);
        let stays = |session: Session<'_>| counts(&session) || session.due_at(rules) > now;
        let stay: Vec<bool> = self.0.iter().map(stays).collect();
        drop(counts);
        let mut stays = stay.into_iter();
        self.0.retain(|_| stays.next().unwrap_or(true));
    }

    /// Returns a function that says whether a session makes the user present. Such a session
    /// stays, however old its evidence is.
    fn counting<'a>(&'a self, rules: &'a Rules) -> impl Fn(&Session<'_>) -> bool + 'a {
        let deciding = self.present(rules);
        move |session| {
            rules.keeps(Rule::PresentUsersStay)
                && match rules.logins {
                    // A login belongs to one session only.
                    Logins::Exclusive => deciding.is_some() && session.login == deciding,
                    Logins::Concurrent => session.is_live(),
                }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sessions, in the order in which their first evidence came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Session<'_>> {
        self.0.iter()
    }

    /// Adds a session that is restored from a checkpoint.
    ///
    /// # Errors
    /// When the session is known already.
    pub(crate) fn restore(
        &mut self,
        user: &UserId,
        session: SessionEvidence,
    ) -> Result<(), InvalidEvidence> {
        if self.knows(&session.id) {
            return Err(InvalidEvidence::DuplicateSession);
        }
        self.0.push(user, session);
        Ok(())
    }
}

/// The time up to which a logout ends the logins of its session.
fn ends_through(logout: &Logout, rules: &Rules) -> Option<Time> {
    let Some(login_at) = logout.login_at else {
        return logout.at;
    };
    let spared = match logout.reason {
        LeaveReason::Kicked if rules.keeps(Rule::KicksSpareTheirReplacement) => CLOCK_SKEW,
        _ if rules.keeps(Rule::LogoutsSpareTheirMillisecond) => LOGOUT_RESOLUTION,
        _ => std::time::Duration::ZERO,
    };
    let by_own_time = logout.at.map(|at| at.saturating_sub(spared));
    if rules.keeps(Rule::LogoutsEndTheirLogin) {
        by_own_time.max(Some(login_at))
    } else {
        by_own_time
    }
}

#[cfg(test)]
mod tests;
