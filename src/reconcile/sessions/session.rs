//! The evidence about one session.

use crate::{
    domain::{LeaveReason, SessionId, SessionIdRef, Time},
    reconcile::{
        Member,
        footprint::{SESSION_ID_COPIES, text},
    },
};

/// The evidence about one session, borrowed from the list that keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session<'a> {
    id: KeptId<'a>,
    /// The latest login, if a login was seen.
    pub(crate) login: Option<&'a Member>,
    /// The latest login time known, from a login or as named by a logout.
    pub(crate) login_known_at: Option<Time>,
    /// How the session ended, if a logout was seen.
    pub(crate) ended: Option<Ended>,
    /// The latest time of any evidence: the later of its receipt and its event time.
    pub(crate) evidence_at: Time,
}

/// Where the id of a session is kept. A login is unpacked only when the id is needed.
#[derive(Clone, Copy, Debug)]
enum KeptId<'a> {
    Login(&'a Member),
    Own(&'a SessionId),
}

/// The evidence about one session, owned. Unlike a packed login it can hold any evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionEvidence {
    /// The session's id.
    pub(crate) id: SessionId,
    /// The latest login, if a login was seen.
    pub(crate) login: Option<Member>,
    /// The latest login time known, from a login or as named by a logout.
    pub(crate) login_known_at: Option<Time>,
    /// How the session ended, if a logout was seen.
    pub(crate) ended: Option<Ended>,
    /// The latest time of any evidence: the later of its receipt and its event time.
    pub(crate) evidence_at: Time,
}

/// What is known from all logouts of a session together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Logins up to this time have ended.
    pub(crate) through: Option<Time>,
    /// The time of the last logout.
    pub(crate) at: Option<Time>,
    /// The reason of the last logout.
    pub(crate) reason: LeaveReason,
}

/// The sessions that are not forgotten, however old their evidence is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spared<'a> {
    /// None.
    None,
    /// The session with this id.
    One(SessionIdRef<'a>),
    /// All sessions that are live.
    Live,
}

impl Spared<'_> {
    pub(super) fn contains(self, session: &Session<'_>) -> bool {
        match self {
            Self::None => false,
            Self::One(id) => session.id() == id,
            Self::Live => session.is_live(),
        }
    }
}

impl<'a> Session<'a> {
    /// A session whose only evidence is one login.
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

    /// The bytes of its texts.
    pub(super) fn text_bytes(&self) -> usize {
        let login = self.login.map_or(0, Member::packed_bytes);
        text(login) + SESSION_ID_COPIES * text(self.id().as_str().len())
    }

    /// Whether the latest login has not ended.
    pub(super) fn is_live(&self) -> bool {
        let Some(login) = self.login else {
            return false;
        };
        self.ended
            .is_none_or(|ended| login.login_at() > ended.through)
    }

    /// The latest login, if it has not ended.
    pub(super) fn live_login(self) -> Option<&'a Member> {
        self.login.filter(|_| self.is_live())
    }

    /// The latest time of which there is evidence of a login, or of the end of such a login.
    pub(super) fn reach(&self) -> Option<Time> {
        let ended_through = self.ended.and_then(|ended| ended.through);
        self.login_known_at.max(ended_through)
    }
}

impl SessionEvidence {
    /// A session without any evidence yet.
    pub(super) fn new(id: SessionId, evidence_at: Time) -> Self {
        Self {
            id,
            login: None,
            login_known_at: None,
            ended: None,
            evidence_at,
        }
    }

    /// A session whose only evidence is one login.
    pub(super) fn of_login(login: Member, evidence_at: Time) -> Self {
        let id = login.session().into();
        Self {
            login_known_at: login.login_at(),
            login: Some(login),
            ..Self::new(id, evidence_at)
        }
    }

    /// Whether its only evidence is one login.
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
