//! The sessions of one user, in one life of a room or of a chat service, and
//! whether they add up to the user being present.
//!
//! Every number kept is a maximum, so the order and the number of arrivals do
//! not matter.

mod stored;

use std::sync::Arc;

use crate::{
    event::{LeaveReason, Logout, SessionId, Time},
    room::{CLOCK_SKEW, Logins, Member, Rule, Rules, rules::LOGOUT_RESOLUTION},
};

/// The sessions of one user. A user who is present has one, rarely more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions {
    sessions: Vec<Session>,
}

#[derive(Clone, Debug)]
struct Session {
    id: SessionId,
    /// The latest login.
    login: Option<Arc<Member>>,
    /// The latest login time known, from a login or as named by a logout.
    login_known_at: Option<Time>,
    ended: Option<Ended>,
    /// The later of receipt and event time of the last evidence.
    evidence_at: Time,
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

impl Session {
    fn new(id: SessionId, evidence_at: Time) -> Self {
        Self {
            id,
            login: None,
            login_known_at: None,
            ended: None,
            evidence_at,
        }
    }

    fn is_live(&self) -> bool {
        let Some(login) = &self.login else {
            return false;
        };
        self.ended
            .is_none_or(|ended| login.login_at > ended.through)
    }

    fn due_at(&self, rules: &Rules) -> Time {
        self.evidence_at.saturating_add(rules.evidence_span())
    }
}

impl Sessions {
    pub(crate) fn login(&mut self, member: Arc<Member>, evidence_at: Time, rules: &Rules) {
        let session = self.session(&member.session, evidence_at);
        session.login_known_at = session.login_known_at.max(member.login_at);
        if !rules.keeps(Rule::EndsAreFinal) {
            session.ended = None;
        }
        let newer = session.login.as_ref().is_none_or(|login| {
            (member.login_at, &member.profile) > (login.login_at, &login.profile)
        });
        if newer || !rules.keeps(Rule::LatestLoginCounts) {
            session.login = Some(member);
        }
    }

    pub(crate) fn logout(&mut self, logout: &Logout, evidence_at: Time, rules: &Rules) {
        if !self.knows(&logout.session) && !rules.keeps(Rule::LogoutsLeaveTombstones) {
            return;
        }
        let session = self.session(&logout.session, evidence_at);
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
    }

    /// Ends all logins up to a time, by forgetting the sessions that have no later
    /// evidence.
    pub(crate) fn end_through(&mut self, at: Option<Time>) {
        self.sessions.retain(|session| {
            let ended_through = session.ended.and_then(|ended| ended.through);
            session.login_known_at > at || ended_through > at
        });
    }

    /// Whether a session left any evidence.
    pub(crate) fn knows(&self, id: &SessionId) -> bool {
        self.sessions.iter().any(|session| session.id == *id)
    }

    /// The login that makes the user present, if any does: of several that count,
    /// the latest.
    pub(crate) fn present(&self, rules: &Rules) -> Option<&Arc<Member>> {
        if rules.logins == Logins::Concurrent {
            let live = self.sessions.iter().filter(|session| session.is_live());
            let logins = live.filter_map(|session| session.login.as_ref());
            return logins.max_by_key(|login| (login.login_at, &login.session));
        }
        let deciding = self.deciding(rules)?;
        deciding.login.as_ref().filter(|_| deciding.is_live())
    }

    /// The logins by which the user is present: one, or as many as count.
    pub(crate) fn live(&self, rules: &Rules) -> Vec<&Arc<Member>> {
        if rules.logins == Logins::Exclusive {
            return self.present(rules).into_iter().collect();
        }
        let live = self.sessions.iter().filter(|session| session.is_live());
        live.filter_map(|session| session.login.as_ref()).collect()
    }

    /// How a session ended, if it did and did not begin anew.
    pub(crate) fn ended_of(&self, id: &SessionId) -> Option<Ended> {
        let mut ended = self.sessions.iter().filter(|session| !session.is_live());
        ended.find(|session| session.id == *id)?.ended
    }

    /// How the deciding session ended, if it did.
    pub(crate) fn ended(&self, rules: &Rules) -> Option<Ended> {
        self.deciding(rules)?.ended
    }

    /// The session that decides: the one with the latest login known. An older
    /// one never does, so that a lost logout of it cannot bring the user back.
    fn deciding(&self, rules: &Rules) -> Option<&Session> {
        let ties = rules.keeps(Rule::TiesGoToTheGreaterSession);
        let latest = rules.keeps(Rule::LatestSessionDecides);
        self.sessions.iter().reduce(|best, next| {
            let wins = if !latest {
                next.is_live() || !best.is_live()
            } else if next.login_known_at == best.login_known_at {
                ties && next.id > best.id
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
        let due_at = |session: &Session| session.due_at(rules);
        if !is_present && rules.keeps(Rule::AbsentUsersGoWhole) {
            return self.sessions.iter().map(due_at).max();
        }
        let counts = self.counting(rules);
        let others = self.sessions.iter().filter(|session| !counts(session));
        others.map(due_at).min()
    }

    /// Forgets what is due. The user is to be dropped when nothing is left.
    pub(crate) fn forget(&mut self, now: Time, rules: &Rules) {
        if self.due_at(rules).is_none_or(|due_at| due_at > now) {
            return;
        }
        let counts = self.counting(rules);
        let stays = |session: &Session| counts(session) || session.due_at(rules) > now;
        let stay: Vec<bool> = self.sessions.iter().map(stays).collect();
        drop(counts);
        let mut stays = stay.into_iter();
        self.sessions.retain(|_| stays.next().unwrap_or(true));
    }

    /// Tells the sessions by which the user is present: they stay, however quiet.
    fn counting<'a>(&'a self, rules: &'a Rules) -> impl Fn(&Session) -> bool + 'a {
        let deciding = self.present(rules).map(|member| &member.session);
        move |session| {
            rules.keeps(Rule::PresentUsersStay)
                && match rules.logins {
                    Logins::Exclusive => deciding == Some(&session.id),
                    Logins::Concurrent => session.is_live(),
                }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    fn session(&mut self, id: &SessionId, evidence_at: Time) -> &mut Session {
        let known = self.sessions.iter().position(|session| session.id == *id);
        let at = known.unwrap_or_else(|| {
            // One is the rule, and there are many users.
            self.sessions.reserve_exact(1);
            self.sessions.push(Session::new(id.clone(), evidence_at));
            self.sessions.len() - 1
        });
        let session = &mut self.sessions[at];
        session.evidence_at = session.evidence_at.max(evidence_at);
        session
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
