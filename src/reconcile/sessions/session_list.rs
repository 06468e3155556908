//! The list of one user's sessions. It takes little memory in the most frequent case: a user
//! with one session, whose only evidence is one login.

use crate::{
    domain::{SessionIdRef, Time, UserId, UserIdRef},
    reconcile::Member,
};

use super::session::{Session, SessionEvidence};

/// The sessions of one user, in the order in which their first evidence came.
#[derive(Clone, Debug)]
pub(super) enum SessionList {
    /// One session, whose only evidence is one login.
    OneLogin { login: Member, evidence_at: Time },
    /// Any other list; `None` if it is empty.
    General(Option<Box<GeneralList>>),
}

/// A list of sessions with any evidence.
#[derive(Clone, Debug)]
pub(super) struct GeneralList {
    user: UserId,
    sessions: Vec<SessionEvidence>,
}

impl Default for SessionList {
    fn default() -> Self {
        Self::General(None)
    }
}

impl SessionList {
    /// The user of the sessions; `None` if the list is empty.
    pub(super) fn user(&self) -> Option<UserIdRef<'_>> {
        match self {
            Self::OneLogin { login, .. } => Some(login.user()),
            Self::General(list) => list.as_ref().map(|list| list.user.borrowed()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::General(None))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Session<'_>> {
        let (login, list) = match self {
            Self::OneLogin { login, evidence_at } => {
                (Some(Session::of_login(login, *evidence_at)), None)
            }
            Self::General(list) => (None, list.as_deref()),
        };
        let list = list.map_or(&[][..], |list| &list.sessions);
        login
            .into_iter()
            .chain(list.iter().map(SessionEvidence::view))
    }

    /// Changes the evidence about a session. `evidence_at` is the time of the new evidence.
    pub(super) fn change(
        &mut self,
        user: &UserId,
        id: SessionIdRef<'_>,
        evidence_at: Time,
        change: impl FnOnce(&mut SessionEvidence),
    ) {
        let mut list = self.take(user);
        let session = list.session(id, evidence_at);
        session.evidence_at = session.evidence_at.max(evidence_at);
        change(session);
        *self = Self::of(list);
    }

    /// Adds a session that is not in the list.
    pub(super) fn push(&mut self, user: &UserId, session: SessionEvidence) {
        let mut list = self.take(user);
        list.sessions.push(session);
        *self = Self::of(list);
    }

    /// Keeps only the sessions for which `stays` returns true.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(&Session<'_>) -> bool) {
        match self {
            Self::OneLogin { login, evidence_at } => {
                if !stays(&Session::of_login(login, *evidence_at)) {
                    *self = Self::default();
                }
            }
            Self::General(list) => {
                if let Some(mut list) = list.take() {
                    list.sessions.retain(|session| stays(&session.view()));
                    *self = Self::of(list);
                }
            }
        }
    }

    /// The list in the form that takes the least memory.
    fn of(mut list: Box<GeneralList>) -> Self {
        match &mut *list.sessions {
            [] => Self::default(),
            [session] if session.is_login() => match session.login.take() {
                Some(login) => Self::OneLogin {
                    login,
                    evidence_at: session.evidence_at,
                },
                None => Self::General(Some(list)),
            },
            _ => Self::General(Some(list)),
        }
    }

    /// Takes all sessions, in the general form.
    fn take(&mut self, user: &UserId) -> Box<GeneralList> {
        let of_user = |sessions| {
            let user = user.clone();
            Box::new(GeneralList { user, sessions })
        };
        match std::mem::take(self) {
            Self::OneLogin { login, evidence_at } => {
                of_user(vec![SessionEvidence::of_login(login, evidence_at)])
            }
            Self::General(list) => list.unwrap_or_else(|| of_user(Vec::new())),
        }
    }

    /// Changes the list to the general form.
    #[cfg(test)]
    pub(super) fn generalize(&mut self) {
        if let Some(user) = self.user().map(UserId::from) {
            *self = Self::General(Some(self.take(&user)));
        }
    }
}

impl GeneralList {
    fn session(&mut self, id: SessionIdRef<'_>, evidence_at: Time) -> &mut SessionEvidence {
        let known = self.sessions.iter().position(|it| it.id.borrowed() == id);
        let at = known.unwrap_or_else(|| {
            // Space for one session only: most users have one, and there are many users.
            self.sessions.reserve_exact(1);
            let session = SessionEvidence::new(id.into(), evidence_at);
            self.sessions.push(session);
            self.sessions.len() - 1
        });
        &mut self.sessions[at]
    }
}
