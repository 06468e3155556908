//! How the sessions of one user are kept: in little memory, because nearly every user
//! has one session of which nothing but its login is known.

use crate::{
    domain::{SessionIdRef, Time, UserId, UserIdRef},
    reconcile::Member,
};

use super::session::{Session, SessionEvidence};

/// The sessions of one user, in the order they were first heard of.
#[derive(Clone, Debug)]
pub(super) enum SessionList {
    /// One, of which nothing is known but one login.
    Login { login: Member, evidence_at: Time },
    /// Any others; `None` if there are none.
    Others(Option<Box<Others>>),
}

#[derive(Clone, Debug)]
pub(super) struct Others {
    user: UserId,
    sessions: Vec<SessionEvidence>,
}

impl Default for SessionList {
    fn default() -> Self {
        Self::Others(None)
    }
}

impl SessionList {
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
            Self::Login { login, evidence_at } => {
                (Some(Session::of_login(login, *evidence_at)), None)
            }
            Self::Others(others) => (None, others.as_deref()),
        };
        let others = others.map_or(&[][..], |others| &others.sessions);
        login
            .into_iter()
            .chain(others.iter().map(SessionEvidence::view))
    }

    /// Changes what is known of a session, of which there is evidence from this time.
    pub(super) fn change(
        &mut self,
        user: &UserId,
        id: SessionIdRef<'_>,
        evidence_at: Time,
        change: impl FnOnce(&mut SessionEvidence),
    ) {
        let mut others = self.take(user);
        let session = others.session(id, evidence_at);
        session.evidence_at = session.evidence_at.max(evidence_at);
        change(session);
        *self = Self::of(others);
    }

    /// Adds a session that is not in the list.
    pub(super) fn push(&mut self, user: &UserId, session: SessionEvidence) {
        let mut others = self.take(user);
        others.sessions.push(session);
        *self = Self::of(others);
    }

    /// Keeps some of the sessions only.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(&Session<'_>) -> bool) {
        match self {
            Self::Login { login, evidence_at } => {
                if !stays(&Session::of_login(login, *evidence_at)) {
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

    /// The form that takes the least memory.
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
        let of_user = |sessions| {
            let user = user.clone();
            Box::new(Others { user, sessions })
        };
        match std::mem::take(self) {
            Self::Login { login, evidence_at } => {
                of_user(vec![SessionEvidence::of_login(login, evidence_at)])
            }
            Self::Others(others) => others.unwrap_or_else(|| of_user(Vec::new())),
        }
    }

    /// The same, in the other form.
    #[cfg(test)]
    pub(super) fn spread(&mut self) {
        if let Some(user) = self.user().map(UserId::from) {
            *self = Self::Others(Some(self.take(&user)));
        }
    }
}

impl Others {
    fn session(&mut self, id: SessionIdRef<'_>, evidence_at: Time) -> &mut SessionEvidence {
        let known = self.sessions.iter().position(|it| it.id.borrowed() == id);
        let at = known.unwrap_or_else(|| {
            // One is the rule, and there are many users.
            self.sessions.reserve_exact(1);
            let session = SessionEvidence::new(id.into(), evidence_at);
            self.sessions.push(session);
            self.sessions.len() - 1
        });
        &mut self.sessions[at]
    }
}
