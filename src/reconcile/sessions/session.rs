//! What is known of one session.

use crate::{
    domain::{LeaveReason, SessionId, SessionIdRef, Time},
    reconcile::{Member, Rules},
};

/// What is known of one session, wherever it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session<'a> {
    id: KeptId<'a>,
    /// The latest login.
    pub(crate) login: Option<&'a Member>,
    /// The latest login time known, from a login or as named by a logout.
    pub(crate) login_known_at: Option<Time>,
    /// What its logouts add up to, if there were any.
    pub(crate) ended: Option<Ended>,
    /// The later of receipt and event time of the last evidence.
    pub(crate) evidence_at: Time,
}

/// The id of a session, where it is kept. It is read only where it decides.
#[derive(Clone, Copy, Debug)]
enum KeptId<'a> {
    Login(&'a Member),
    Own(&'a SessionId),
}

/// A [`Session`] that owns what is known, which may be anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionEvidence {
    /// The session's id.
    pub(crate) id: SessionId,
    /// The latest login.
    pub(crate) login: Option<Member>,
    /// The latest login time known, from a login or as named by a logout.
    pub(crate) login_known_at: Option<Time>,
    /// What its logouts add up to, if there were any.
    pub(crate) ended: Option<Ended>,
    /// The later of receipt and event time of the last evidence.
    pub(crate) evidence_at: Time,
}

/// What logouts of a session add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Logins up to this time are over.
    pub(crate) through: Option<Time>,
    /// When the last logout happened.
    pub(crate) at: Option<Time>,
    /// Its reason.
    pub(crate) reason: LeaveReason,
}

impl<'a> Session<'a> {
    /// A session of which nothing is known but one login.
    pub(super) fn of_login(login: &'a Member, evidence_at: Time) -> Self {
        Self {
            id: KeptId::Login(login),
            login: Some(login),
            login_known_at: login.login_at(),
            ended: None,
            evidence_at,
        }
    }

    pub(crate) fn id(&self) -> SessionIdRef<'a> {
        match self.id {
            KeptId::Login(login) => login.session(),
            KeptId::Own(id) => id.borrowed(),
        }
    }

    /// Whether its latest login did not end.
    pub(super) fn is_live(&self) -> bool {
        let Some(login) = self.login else {
            return false;
        };
        self.ended
            .is_none_or(|ended| login.login_at() > ended.through)
    }

    /// Whether there is evidence of a login after a time, or of an end of one.
    pub(super) fn is_known_after(&self, at: Option<Time>) -> bool {
        let ended_through = self.ended.and_then(|ended| ended.through);
        self.login_known_at > at || ended_through > at
    }

    /// When it is to be forgotten, if the user is not present by it.
    pub(super) fn due_at(&self, rules: &Rules) -> Time {
        self.evidence_at.saturating_add(rules.evidence_span())
    }
}

impl SessionEvidence {
    /// A session of which nothing is known yet.
    pub(super) fn new(id: SessionId, evidence_at: Time) -> Self {
        Self {
            id,
            login: None,
            login_known_at: None,
            ended: None,
            evidence_at,
        }
    }

    /// A session of which nothing is known but one login.
    pub(super) fn of_login(login: Member, evidence_at: Time) -> Self {
        let id = login.session().into();
        Self {
            login_known_at: login.login_at(),
            login: Some(login),
            ..Self::new(id, evidence_at)
        }
    }

    /// Whether nothing is known of it but its login.
    pub(super) fn is_login(&self) -> bool {
        let login_at = self.login.as_ref().map(Member::login_at);
        self.ended.is_none() && login_at == Some(self.login_known_at)
    }

    pub(super) fn view(&self) -> Session<'_> {
        Session {
            id: KeptId::Own(&self.id),
            login: self.login.as_ref(),
            login_known_at: self.login_known_at,
            ended: self.ended,
            evidence_at: self.evidence_at,
        }
    }
}
