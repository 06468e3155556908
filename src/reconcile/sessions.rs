//! The sessions of one user, in one life of a room or of a chat service, and
//! whether they add up to the user being present.
//!
//! Every number kept is a maximum, so the order and the number of arrivals do
//! not matter.

mod list;
mod stored;

use crate::{
    domain::{LeaveReason, Login, Logout, SessionId, SessionIdRef, Time, UserIdRef},
    reconcile::{CLOCK_SKEW, Logins, Member, Rule, Rules, UserKey, rules::LOGOUT_RESOLUTION},
};

use self::list::List;

/// The sessions of one user. A user who is present has one, rarely more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions(List);

/// What is known of one session.
#[derive(Clone, Copy, Debug)]
struct Session<'a> {
    id: Id<'a>,
    /// The latest login.
    login: Option<&'a Member>,
    /// The latest login time known, from a login or as named by a logout.
    login_known_at: Option<Time>,
    ended: Option<Ended>,
    /// The later of receipt and event time of the last evidence.
    evidence_at: Time,
}

/// The id of a session, where it is kept. It is looked at only where it decides.
#[derive(Clone, Copy, Debug)]
enum Id<'a> {
    Login(&'a Member),
    Own(&'a SessionId),
}

/// What logouts of a session add up to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    /// Logins up to this time are over.
    through: Option<Time>,
    /// When the last logout happened.
    pub(crate) at: Option<Time>,
    /// Its reason.
    pub(crate) reason: LeaveReason,
}

impl<'a> Session<'a> {
    fn id(&self) -> SessionIdRef<'a> {
        match self.id {
            Id::Login(login) => login.session(),
            Id::Own(id) => id.borrowed(),
        }
    }

    fn is_live(&self) -> bool {
        let Some(login) = self.login else {
            return false;
        };
        self.ended
            .is_none_or(|ended| login.login_at() > ended.through)
    }

    /// Whether there is evidence of a login after a time, or of an end of one.
    fn is_known_after(&self, at: Option<Time>) -> bool {
        let ended_through = self.ended.and_then(|ended| ended.through);
        self.login_known_at > at || ended_through > at
    }

    fn due_at(&self, rules: &Rules) -> Time {
        self.evidence_at.saturating_add(rules.evidence_span())
    }
}

impl Sessions {
    pub(crate) fn login(&mut self, login: &Login, evidence_at: Time, rules: &Rules) {
        let member = Member::from(login);
        if self.is_empty() {
            let login = member;
            self.0 = List::Login { login, evidence_at };
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

    /// Ends all logins up to a time, by forgetting the sessions that have no later
    /// evidence.
    pub(crate) fn end_through(&mut self, at: Option<Time>) {
        self.0.retain(|session| session.is_known_after(at));
    }

    /// Whether none is left once all logins up to a time have [ended](Self::end_through).
    pub(crate) fn is_over_through(&self, at: Option<Time>) -> bool {
        !self.0.iter().any(|session| session.is_known_after(at))
    }

    /// Whose they are; `None` if there are none.
    pub(crate) fn user(&self) -> Option<UserIdRef<'_>> {
        self.0.user()
    }

    /// The same as a key, which shares the allocation of a login if one is known.
    pub(crate) fn user_key(&self) -> Option<UserKey> {
        let login = self.0.iter().find_map(|session| session.login);
        login.map_or_else(
            || self.user().map(UserKey::from),
            |login| Some(login.into()),
        )
    }

    /// Whether a session left any evidence.
    pub(crate) fn knows(&self, id: &SessionId) -> bool {
        self.0.iter().any(|session| session.id() == id.borrowed())
    }

    /// The login that makes the user present, if any does: of several that count,
    /// the latest.
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

    /// The logins by which the user is present: one, or as many as count.
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

    /// How a session ended, if it did and did not begin anew.
    pub(crate) fn ended_of(&self, id: SessionIdRef<'_>) -> Option<Ended> {
        let mut ended = self.0.iter().filter(|session| !session.is_live());
        ended.find(|session| session.id() == id)?.ended
    }

    /// How the deciding session ended, if it did.
    pub(crate) fn ended(&self, rules: &Rules) -> Option<Ended> {
        self.deciding(rules)?.ended
    }

    /// The session that decides: the one with the latest login known. An older
    /// one never does, so that a lost logout of it cannot bring the user back.
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

    /// When something of the user is to be forgotten next: while present, the
    /// first of the other sessions; else all of them, together with the last.
    /// Dropping the sessions of an absent user one by one could leave one that
    /// never heard of its end, and make it the deciding one.
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

    /// Forgets what is due. The user is to be dropped when nothing is left.
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

    /// Tells the sessions by which the user is present: they stay, however quiet.
    fn counting<'a>(&'a self, rules: &'a Rules) -> impl Fn(&Session<'_>) -> bool + 'a {
        let deciding = self.present(rules);
        move |session| {
            rules.keeps(Rule::PresentUsersStay)
                && match rules.logins {
                    // No two sessions have the same login.
                    Logins::Exclusive => deciding.is_some() && session.login == deciding,
                    Logins::Concurrent => session.is_live(),
                }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
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
