//! The sessions of one user, in one life of a room or in a chat service. They decide
//! whether the user is present.
//!
//! Every time that is kept is a maximum, so it does not matter in which order and how often
//! events arrive.

mod many_sessions;
mod session;
mod session_list;
mod store;

use crate::{
    domain::{
        LeaveReason, Login, Logins, Logout, SessionId, SessionIdRef, Time, UserId, UserIdRef,
    },
    reconcile::{
        CLOCK_SKEW, Footprint, InvalidEvidence, Member, Rule, Rules, UserKey,
        footprint::{self, USER_ID_COPIES, text},
        indexing::counted_as_indexed,
        rules::LOGOUT_RESOLUTION,
    },
};

use self::{session::Spared, session_list::SessionList};

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
        let (user, id) = (&login.user, &login.session);
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
        let (user, id) = (&logout.user, &logout.session);
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
        self.0.end_through(at);
    }

    /// Whether [`end_through`](Self::end_through) this time would leave no session.
    pub(crate) fn is_over_through(&self, at: Option<Time>) -> bool {
        self.0.reaches().is_none_or(|(_, last)| last <= at)
    }

    /// The earliest time for which [`end_through`](Self::end_through) would change anything;
    /// `None` if there are no sessions.
    pub(crate) fn first_end(&self) -> Option<Option<Time>> {
        self.0.reaches().map(|(first, _)| first)
    }

    /// The user of these sessions; `None` if there are no sessions.
    pub(crate) fn user(&self) -> Option<UserIdRef<'_>> {
        self.0.user()
    }

    /// The user as a key. The key shares the allocation of a login, if one is found.
    pub(crate) fn user_key(&self) -> Option<UserKey> {
        let login = self.0.any_login().map(UserKey::from);
        login.or_else(|| self.user().map(UserKey::from))
    }

    /// Whether there is evidence about a session.
    pub(crate) fn knows(&self, id: &SessionId) -> bool {
        self.0.get(id.borrowed()).is_some()
    }

    /// The latest time of a login or logout of a session that is known.
    pub(crate) fn latest_of(&self, id: &SessionId) -> Option<Time> {
        let session = self.0.get(id.borrowed())?;
        let ended_at = session.ended.and_then(|ended| ended.at);
        session.login_known_at.max(ended_at)
    }

    /// The login that makes the user present, if any does. If several do, it is the latest.
    pub(crate) fn present(&self, rules: &Rules) -> Option<&Member> {
        match rules.logins {
            Logins::Exclusive => self.deciding(rules)?.live_login(),
            Logins::Concurrent => self.0.latest_live(),
        }
    }

    /// The only login that an event about a session can begin or end: that of the session, or
    /// the one that makes the user present where logins are exclusive.
    pub(crate) fn present_by(&self, id: &SessionId, rules: &Rules) -> Option<&Member> {
        match rules.logins {
            Logins::Exclusive => self.present(rules),
            Logins::Concurrent => self.0.get(id.borrowed())?.live_login(),
        }
    }

    /// All logins that make the user present, in no order: at most one where logins are
    /// exclusive.
    pub(crate) fn live(&self, rules: &Rules) -> Vec<&Member> {
        match rules.logins {
            Logins::Exclusive => self.present(rules).into_iter().collect(),
            Logins::Concurrent => self.0.live().collect(),
        }
    }

    /// How a session ended, if it did and no later login of it is known.
    pub(crate) fn ended_of(&self, id: SessionIdRef<'_>) -> Option<Ended> {
        let session = self.0.get(id).filter(|session| !session.is_live());
        session?.ended
    }

    /// How the deciding session ended, if it did.
    pub(crate) fn ended(&self, rules: &Rules) -> Option<Ended> {
        self.deciding(rules)?.ended
    }

    /// The session that decides whether the user is present: the one with the latest known
    /// login. An older session never decides, so the user does not become present again if
    /// the logout of an older session is lost.
    fn deciding(&self, rules: &Rules) -> Option<Session<'_>> {
        match rules.without {
            Some(Rule::LatestSessionDecides) => self.0.iter().reduce(|best, next| {
                let wins = next.is_live() || !best.is_live();
                if wins { next } else { best }
            }),
            Some(Rule::TiesGoToTheGreaterSession) => self.0.iter().reduce(|best, next| {
                let wins = next.login_known_at > best.login_known_at;
                if wins { next } else { best }
            }),
            _ => self.0.latest(),
        }
    }

    /// When the user next has something to forget. While the user is present, that is when
    /// the first of the other sessions is due. Otherwise all sessions are forgotten together,
    /// when the last one is due: if they were forgotten one by one, a session whose logout was
    /// lost could be left over, and would decide.
    pub(crate) fn due_at(&self, rules: &Rules) -> Option<Time> {
        let is_present = self.present(rules).is_some();
        let evidence_at = if !is_present && rules.keeps(Rule::AbsentUsersGoWhole) {
            self.0.last_evidence_at()
        } else {
            self.0.first_evidence_at(self.spared(rules))
        };
        evidence_at.map(|at| due_at(at, rules))
    }

    /// Forgets what is due at `now`. The caller drops the user when no session is left.
    pub(crate) fn forget(&mut self, now: Time, rules: &Rules) {
        if self.due_at(rules).is_none_or(|due_at| due_at > now) {
            return;
        }
        let is_due = |evidence_at| due_at(evidence_at, rules) <= now;
        match self.spared(rules) {
            Spared::One(id) => {
                let id = SessionId::from(id);
                self.0.forget(Spared::One(id.borrowed()), is_due);
            }
            Spared::Live => self.0.forget(Spared::Live, is_due),
            Spared::None => self.0.forget(Spared::None, is_due),
        }
    }

    /// The sessions that make the user present. They stay, however old their evidence is.
    fn spared(&self, rules: &Rules) -> Spared<'_> {
        match rules.logins {
            _ if !rules.keeps(Rule::PresentUsersStay) => Spared::None,
            Logins::Exclusive => {
                let present = self.present(rules).map(Member::session);
                present.map_or(Spared::None, Spared::One)
            }
            Logins::Concurrent => Spared::Live,
        }
    }

    /// What the sessions take beyond the first, with all texts. The user is counted by whoever
    /// keeps the sessions.
    pub(crate) fn footprint(&self) -> Footprint {
        let Some(user) = self.user() else {
            return Footprint::default();
        };
        let more = self.len() - 1;
        Footprint {
            indexed_sessions: counted_as_indexed(self.len()),
            bytes: USER_ID_COPIES * text(user.as_str().len())
                + more * footprint::SESSION
                + self.0.text_bytes(),
            ..Footprint::default()
        }
    }

    /// How many sessions there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
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

/// When a session is to be forgotten that does not make the user present.
fn due_at(evidence_at: Time, rules: &Rules) -> Time {
    evidence_at.saturating_add(rules.evidence_span())
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
