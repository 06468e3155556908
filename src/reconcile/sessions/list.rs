//! How the sessions of one user are kept: in little memory, as nearly everybody has
//! one of which nothing but its login is known.

use crate::{
    domain::{SessionId, SessionIdRef, Time, UserId, UserIdRef},
    reconcile::Member,
};

use super::{Ended, Id, Session};

/// The sessions of one user, in the order they were first heard of.
#[derive(Clone, Debug)]
pub(super) enum List {
    /// One, of which nothing is known but one login.
    Login { login: Member, evidence_at: Time },
    /// Any others; `None` if there are none.
    Others(Option<Box<Others>>),
}

#[derive(Clone, Debug)]
pub(super) struct Others {
    user: UserId,
    sessions: Vec<Kept>,
}

/// A [`Session`] of which anything may be known.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) id: SessionId,
    pub(super) login: Option<Member>,
    pub(super) login_known_at: Option<Time>,
    pub(super) ended: Option<Ended>,
    pub(super) evidence_at: Time,
}

impl Default for List {
    fn default() -> Self {
        Self::Others(None)
    }
}

impl List {
    /// Whose they are; `None` if there are none.
    pub(super) fn user(&self) -> Option<UserIdRef<'_>> {
        match self {
            Self::Login { login, .. } => Some(login.user()),
            Self::Others(others) => others.as_ref().map(|others| others.user.borrowed()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Others(None))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Session<'_>> {
        let (login, others) = match self {
            Self::Login { login, evidence_at } => (Some(of_login(login, *evidence_at)), None),
            Self::Others(others) => (None, others.as_deref()),
        };
        let others = others.map_or(&[][..], |others| &others.sessions);
        login.into_iter().chain(others.iter().map(Kept::view))
    }

    /// Changes what is known of a session, of which there is evidence from this time.
    pub(super) fn change(
        &mut self,
        user: &UserId,
        id: SessionIdRef<'_>,
        evidence_at: Time,
        change: impl FnOnce(&mut Kept),
    ) {
        let mut others = self.take(user);
        let session = others.session(id, evidence_at);
        session.evidence_at = session.evidence_at.max(evidence_at);
        change(session);
        *self = Self::of(others);
    }

    /// Adds a session that is not in the list.
    pub(super) fn push(&mut self, user: &UserId, session: Kept) {
        let mut others = self.take(user);
        others.sessions.push(session);
        *self = Self::of(others);
    }

    /// Keeps some of the sessions only.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(&Session<'_>) -> bool) {
        match self {
            Self::Login { login, evidence_at } => {
                if !stays(&of_login(login, *evidence_at)) {
                    *self = Self::default();
                }
            }
            Self::Others(others) => {
                if let Some(mut others) = others.take() {
                    others.sessions.retain(|session| stays(&session.view()));
                    *self = Self::of(others);
                }
            }
        }
    }

    fn of(mut others: Box<Others>) -> Self {
        match &mut *others.sessions {
            [] => Self::default(),
            [session] if session.is_login() => match session.login.take() {
                Some(login) => Self::Login {
                    login,
                    evidence_at: session.evidence_at,
                },
                None => Self::Others(Some(others)),
            },
            _ => Self::Others(Some(others)),
        }
    }

    fn take(&mut self, user: &UserId) -> Box<Others> {
        match std::mem::take(self) {
            Self::Login { login, evidence_at } => Box::new(Others {
                user: user.clone(),
                sessions: vec![Kept::of_login(login, evidence_at)],
            }),
            Self::Others(others) => others.unwrap_or_else(|| {
                Box::new(Others {
                    user: user.clone(),
                    sessions: Vec::new(),
                })
            }),
        }
    }

    /// The same, kept in the other way.
    #[cfg(test)]
    pub(super) fn spread(&mut self) {
        if let Some(user) = self.user().map(UserId::from) {
            *self = Self::Others(Some(self.take(&user)));
        }
    }
}

impl Others {
    fn session(&mut self, id: SessionIdRef<'_>, evidence_at: Time) -> &mut Kept {
        let known = self.sessions.iter().position(|it| it.id.borrowed() == id);
        let at = known.unwrap_or_else(|| {
            // One is the rule, and there are many users.
            self.sessions.reserve_exact(1);
            self.sessions.push(Kept::new(id.into(), evidence_at));
            self.sessions.len() - 1
        });
        &mut self.sessions[at]
    }
}

impl Kept {
    fn new(id: SessionId, evidence_at: Time) -> Self {
        Self {
            id,
            login: None,
            login_known_at: None,
            ended: None,
            evidence_at,
        }
    }

    fn of_login(login: Member, evidence_at: Time) -> Self {
        let id = login.session().into();
        Self {
            login_known_at: login.login_at(),
            login: Some(login),
            ..Self::new(id, evidence_at)
        }
    }

    /// Whether nothing is known of it but its login.
    fn is_login(&self) -> bool {
        let login_at = self.login.as_ref().map(Member::login_at);
        self.ended.is_none() && login_at == Some(self.login_known_at)
    }

    fn view(&self) -> Session<'_> {
        Session {
            id: Id::Own(&self.id),
            login: self.login.as_ref(),
            login_known_at: self.login_known_at,
            ended: self.ended,
            evidence_at: self.evidence_at,
        }
    }
}

fn of_login(login: &Member, evidence_at: Time) -> Session<'_> {
    Session {
        id: Id::Login(login),
        login: Some(login),
        login_known_at: login.login_at(),
        ended: None,
        evidence_at,
    }
}
