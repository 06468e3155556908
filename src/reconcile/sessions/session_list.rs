//! The list of one user's sessions. It takes little memory in the most frequent case: a user
//! with one session, whose only evidence is one login. It takes little time in the rarest: a
//! user with thousands of sessions.

use std::mem;

use crate::{
    domain::{SessionId, SessionIdRef, Time, UserId, UserIdRef},
    reconcile::Member,
};

use super::{
    many_sessions::ManySessions,
    session::{Session, SessionEvidence, Spared},
    store::Store,
};

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
    sessions: Store,
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

    pub(super) fn len(&self) -> usize {
        match self {
            Self::OneLogin { .. } => 1,
            Self::General(list) => list.as_ref().map_or(0, |list| list.sessions.len()),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Session<'_>> {
        let (login, few, many) = match self {
            Self::OneLogin { login, evidence_at } => {
                (Some(Session::of_login(login, *evidence_at)), &[][..], None)
            }
            Self::General(list) => match list.as_ref().map(|list| &list.sessions) {
                None => (None, &[][..], None),
                Some(Store::Few(few)) => (None, &few[..], None),
                Some(Store::Many(many)) => (None, &[][..], Some(many.iter())),
            },
        };
        let few = few.iter().map(SessionEvidence::view);
        login
            .into_iter()
            .chain(few)
            .chain(many.into_iter().flatten())
    }

    /// The bytes of the texts of all sessions. It does not depend on the form of the list.
    pub(super) fn text_bytes(&self) -> usize {
        match self.many() {
            Some(many) => many.text_bytes(),
            None => self.iter().map(|session| session.text_bytes()).sum(),
        }
    }

    /// The sessions, if there are so many that they are indexed.
    fn many(&self) -> Option<&ManySessions> {
        match self {
            Self::General(Some(list)) => match &list.sessions {
                Store::Many(many) => Some(many),
                Store::Few(_) => None,
            },
            _ => None,
        }
    }

    pub(super) fn get(&self, id: SessionIdRef<'_>) -> Option<Session<'_>> {
        match self.many() {
            Some(many) => many.get(id),
            None => self.iter().find(|session| session.id() == id),
        }
    }

    /// The session with the latest known login; of several, that with the greatest id.
    pub(super) fn latest(&self) -> Option<Session<'_>> {
        match self.many() {
            Some(many) => many.latest(),
            None => self.iter().max_by(|a, b| {
                let by_login = a.login_known_at.cmp(&b.login_known_at);
                by_login.then_with(|| a.id().cmp(&b.id()))
            }),
        }
    }

    /// The latest login that is live; of several, that with the greatest id.
    pub(super) fn latest_live(&self) -> Option<&Member> {
        match self.many() {
            Some(many) => many.latest_live()?.login,
            None => self.iter().filter_map(Session::live_login).max_by(|a, b| {
                let by_login = a.login_at().cmp(&b.login_at());
                by_login.then_with(|| a.session().cmp(&b.session()))
            }),
        }
    }

    /// All logins that are live, in no order.
    pub(super) fn live(&self) -> impl Iterator<Item = &Member> {
        let (few, many) = match self.many() {
            Some(many) => (None, Some(many.live())),
            None => (Some(self.iter()), None),
        };
        let sessions = few.into_iter().flatten().chain(many.into_iter().flatten());
        sessions.filter_map(Session::live_login)
    }

    /// A login of any session. It is not found among many sessions of which few have one.
    pub(super) fn any_login(&self) -> Option<&Member> {
        match self.many() {
            Some(many) => many.latest()?.login,
            None => self.iter().find_map(|session| session.login),
        }
    }

    /// The least and the greatest [`Session::reach`]; `None` if there are no sessions.
    pub(super) fn reaches(&self) -> Option<(Option<Time>, Option<Time>)> {
        if let Some(many) = self.many() {
            return many.reaches();
        }
        let reaches = || self.iter().map(|session| session.reach());
        Some((reaches().min()?, reaches().max()?))
    }

    /// The time of the latest evidence about any session.
    pub(super) fn last_evidence_at(&self) -> Option<Time> {
        match self.many() {
            Some(many) => many.last_evidence_at(),
            None => self.iter().map(|session| session.evidence_at).max(),
        }
    }

    /// The time of the oldest evidence about a session that is not spared.
    pub(super) fn first_evidence_at(&self, spared: Spared<'_>) -> Option<Time> {
        if let Some(many) = self.many() {
            return many.first_evidence(spared).map(|(at, _)| at);
        }
        let others = self.iter().filter(|session| !spared.contains(session));
        others.map(|session| session.evidence_at).min()
    }

    /// Changes the evidence about a session. `evidence_at` is the time of the new evidence.
    pub(super) fn change(
        &mut self,
        user: &UserId,
        id: &SessionId,
        evidence_at: Time,
        change: impl FnOnce(&mut SessionEvidence),
    ) {
        let mut list = self.take(user);
        list.sessions.change(id, evidence_at, |session| {
            session.evidence_at = session.evidence_at.max(evidence_at);
            change(session);
        });
        *self = Self::of(list);
    }

    /// Adds a session that is not in the list.
    pub(super) fn push(&mut self, user: &UserId, session: SessionEvidence) {
        let mut list = self.take(user);
        list.sessions.push(session);
        *self = Self::of(list);
    }

    /// Removes the sessions whose [`Session::reach`] is at most this time.
    pub(super) fn end_through(&mut self, at: Option<Time>) {
        if let Self::General(Some(list)) = self
            && let Store::Many(many) = &mut list.sessions
        {
            many.end_through(at);
            return self.settle();
        }
        self.retain_few(|session| session.reach() > at);
    }

    /// Removes the sessions that are not spared and whose evidence is due.
    pub(super) fn forget(&mut self, spared: Spared<'_>, is_due: impl Fn(Time) -> bool) {
        if let Self::General(Some(list)) = self
            && let Store::Many(many) = &mut list.sessions
        {
            many.forget(spared, is_due);
            return self.settle();
        }
        self.retain_few(|session| spared.contains(session) || !is_due(session.evidence_at));
    }

    /// Keeps only the sessions for which `stays` returns true, if they are few.
    fn retain_few(&mut self, stays: impl Fn(&Session<'_>) -> bool) {
        match self {
            Self::OneLogin { login, evidence_at } => {
                if !stays(&Session::of_login(login, *evidence_at)) {
                    *self = Self::default();
                }
            }
            Self::General(list) => {
                if let Some(list) = list
                    && let Store::Few(few) = &mut list.sessions
                {
                    few.retain(|session| stays(&session.view()));
                }
                self.settle();
            }
        }
    }

    /// Changes to the form that takes the least memory.
    fn settle(&mut self) {
        if let Self::General(list) = self
            && let Some(list) = list.take()
        {
            *self = Self::of(list);
        }
    }

    /// The list in the form that takes the least memory.
    fn of(mut list: Box<GeneralList>) -> Self {
        list.sessions.settle();
        let Store::Few(few) = &mut list.sessions else {
            return Self::General(Some(list));
        };
        match &mut few[..] {
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
            let sessions = Store::Few(sessions);
            Box::new(GeneralList { user, sessions })
        };
        match mem::take(self) {
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

    /// Indexes the sessions, or lists them one by one, however many there are.
    #[cfg(test)]
    pub(super) fn reform(&mut self, is_indexed: bool) {
        self.generalize();
        if let Self::General(Some(list)) = self {
            list.sessions.reform(is_indexed);
        }
    }
}
