//! One life of a room.

use std::sync::Arc;

use crate::{
    domain::{CloseReason, IncarnationId, Login, Logout, RoomEventKind, Time, UserId},
    reconcile::{DatedName, Impossible, Rule, Rules},
};

use super::{
    evidence::{Claim, Close, Creator, IncarnationEvidence},
    members::Members,
    users::{FormerUsers, PresenceChange, Users},
};

/// One life of a room: what its callbacks, in any order, add up to.
#[derive(Clone, Debug)]
pub(crate) struct Incarnation {
    /// Whether it is the only life that its room has: the vendor gives lives no
    /// ids, so this one closes and opens again.
    is_only: bool,
    evidence: IncarnationEvidence,
    pub(super) users: Users,
    /// The users who were in it when it closed, until they are taken.
    pub(super) former_users: Option<FormerUsers>,
}

/// What an event changed of who is present.
#[derive(Debug)]
pub(super) enum Effect {
    /// Whether one user is present, or as what.
    User(PresenceChange),
    /// All who were present are not, at once.
    Emptied,
    /// Nothing.
    None,
}

impl Incarnation {
    pub(super) fn new(id: &IncarnationId, evidence_at: Time) -> Self {
        Self {
            is_only: id.is_empty(),
            evidence: IncarnationEvidence::new(evidence_at),
            users: Users::default(),
            former_users: None,
        }
    }

    /// A life that was remembered elsewhere. Nothing is [derived](Self::derive) yet.
    ///
    /// # Errors
    /// When it has users although it closed for good.
    pub(crate) fn restore(
        id: &IncarnationId,
        evidence: IncarnationEvidence,
        users: Users,
    ) -> Result<Self, Impossible> {
        let is_only = id.is_empty();
        if evidence.closed.is_some() && !is_only && !users.is_empty() {
            return Err(Impossible::UsersOfAClosedIncarnation);
        }
        Ok(Self {
            is_only,
            evidence,
            users,
            former_users: None,
        })
    }

    /// Derives from the evidence what follows from it by these rules.
    pub(super) fn derive(&mut self, rules: &Rules) {
        self.users.derive(rules);
    }

    /// What is known of it, except for its users.
    pub(crate) fn evidence(&self) -> &IncarnationEvidence {
        &self.evidence
    }

    /// The users of whom something is known.
    pub(crate) fn users(&self) -> &Users {
        &self.users
    }

    /// Those who are present.
    pub(super) fn members(&self) -> &Members {
        self.users.members()
    }

    /// Joins an event to what is known.
    pub(super) fn apply(
        &mut self,
        event: &RoomEventKind,
        evidence_at: Time,
        rules: &Rules,
    ) -> Effect {
        self.note(evidence_at);
        self.evidence.last_event_at = self.evidence.last_event_at.max(event.at());
        match event {
            RoomEventKind::Created { at, creator, name } => {
                self.create(*at, creator.as_ref());
                self.rename(*at, name.as_ref());
            }
            RoomEventKind::Closed { at, reason } => return self.close(*at, *reason, rules),
            RoomEventKind::Login(login) => return self.login(login, evidence_at, rules),
            RoomEventKind::Logout(logout) => return self.logout(logout, evidence_at, rules),
            RoomEventKind::Counted { at, users } => {
                self.evidence.reported = self.evidence.reported.max(Some(Claim {
                    at: *at,
                    users: *users,
                }));
            }
        }
        Effect::None
    }

    /// Keeps the record for as long as evidence of this time requires.
    pub(super) fn note(&mut self, evidence_at: Time) {
        self.evidence.evidence_at = self.evidence.evidence_at.max(evidence_at);
    }

    fn create(&mut self, at: Option<Time>, creator: Option<&UserId>) {
        self.evidence.alive_at = self.evidence.alive_at.max(at);
        self.evidence.opened_at = if self.is_only {
            self.evidence.opened_at.max(at)
        } else {
            earlier(self.evidence.opened_at, at)
        };
        let Some(user) = creator else {
            return;
        };
        let wins = self.evidence.creator.as_ref().is_none_or(|known| {
            self.outranks(at, known.at) || (at == known.at && *user > known.user)
        });
        if wins {
            let user = user.clone();
            self.evidence.creator = Some(Creator { at, user });
        }
    }

    fn close(&mut self, at: Option<Time>, reason: CloseReason, rules: &Rules) -> Effect {
        if let Some(other) = self.evidence.closed.filter(|known| known.at != at) {
            self.evidence.closed_before = self.evidence.closed_before.max(at.min(other.at));
        }
        let wins = self.evidence.closed.is_none_or(|known| {
            self.outranks(at, known.at) || (at == known.at && reason > known.reason)
        });
        if wins {
            self.evidence.closed = Some(Close { at, reason });
        }
        if self.is_only {
            self.former_users = self.users.end_through(at, rules);
            return match self.former_users {
                Some(_) => Effect::Emptied,
                None => Effect::None,
            };
        }
        if rules.keeps(Rule::ClosedIsFinal) {
            let former_users = self.users.clear();
            self.former_users = self.former_users.take().or(former_users);
        } else {
            self.users.hide();
        }
        Effect::Emptied
    }

    /// Whether one account of when it opened or closed counts before another. The earlier
    /// does, because a life opens and closes once. An only life does so again and again:
    /// of its accounts the later counts.
    fn outranks(&self, new: Option<Time>, old: Option<Time>) -> bool {
        if self.is_only {
            new > old
        } else {
            new.is_some() && (old.is_none() || new < old)
        }
    }

    /// Whether a login at a time is over because its life is.
    fn is_over_at(&self, at: Option<Time>, rules: &Rules) -> bool {
        self.evidence
            .closed
            .is_some_and(|close| !self.is_only || at <= close.at)
            && rules.keeps(Rule::ClosedIsFinal)
    }

    fn login(&mut self, login: &Login, evidence_at: Time, rules: &Rules) -> Effect {
        self.evidence.alive_at = self.evidence.alive_at.max(login.at);
        self.evidence.first_login_at = earlier(self.evidence.first_login_at, login.at);
        self.number(login.seq, rules);
        self.rename(login.at, login.room_name.as_ref());
        if self.is_over_at(login.at, rules) {
            return Effect::None;
        }
        Effect::User(self.users.change(&login.user, rules, |sessions| {
            sessions.login(login, evidence_at, rules);
        }))
    }

    fn logout(&mut self, logout: &Logout, evidence_at: Time, rules: &Rules) -> Effect {
        self.evidence.first_login_at = earlier(self.evidence.first_login_at, logout.login_at);
        self.evidence.last_logout_at = self
            .evidence
            .last_logout_at
            .max(logout.at.or(logout.login_at));
        self.number(logout.seq, rules);
        if self.is_over_at(logout.at.max(logout.login_at), rules) {
            return Effect::None;
        }
        Effect::User(self.users.change(&logout.user, rules, |sessions| {
            sessions.logout(logout, evidence_at, rules);
        }))
    }

    fn number(&mut self, seq: Option<u64>, rules: &Rules) {
        match seq {
            Some(seq) if rules.keeps(Rule::NumbersAreASet) => self.evidence.seqs.insert(seq),
            // Left out, a repeated number passes for the next.
            Some(_) => self.evidence.seqs.append(),
            None => {}
        }
    }

    fn rename(&mut self, at: Option<Time>, name: Option<&Arc<str>>) {
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return;
        };
        let known = self.evidence.name.as_ref();
        if known.is_none_or(|known| (at, &**name) > (known.at, &*known.name)) {
            let name = Arc::clone(name);
            self.evidence.name = Some(DatedName { at, name });
        }
    }

    /// When it began: as the vendor says, else when the first user logged in. A close or a
    /// logout alone does not prove that it began.
    pub(super) fn start(&self, rules: &Rules) -> Option<Time> {
        self.evidence.opened_at.or(self
            .evidence
            .first_login_at
            .filter(|_| rules.keeps(Rule::LoginsProveTheRoom)))
    }

    /// When it was last known to be in use.
    pub(super) fn end(&self) -> Option<Time> {
        self.evidence
            .closed
            .and_then(|close| close.at)
            .or(self.evidence.last_logout_at)
    }

    /// How it closed, if it is closed.
    pub(super) fn closed(&self) -> Option<Close> {
        self.evidence
            .closed
            .filter(|close| !self.is_only || self.evidence.alive_at <= close.at)
    }

    /// How it closed last, whether or not it opened again.
    pub(super) fn last_close(&self) -> Option<Close> {
        self.evidence.closed
    }

    /// Whether an account of a time is about what is visible. Of an only life that is the
    /// part since its last close or, while it is closed, the part that the close ended.
    pub(super) fn stands(&self, at: Option<Time>) -> bool {
        let since = match self.closed() {
            Some(_) => self.evidence.closed_before,
            None => self.evidence.closed.and_then(|close| close.at),
        };
        !self.is_only || since.is_none() || at > since
    }

    /// When it is to be forgotten as a whole. Evidence of a life that is over is kept for
    /// the horizon, an empty room for as long as it may stay open. A room with somebody in
    /// it is not forgotten, however old its evidence is.
    pub(super) fn due_at(&self, is_current: bool, rules: &Rules) -> Option<Time> {
        let since = self.evidence.evidence_at;
        if self.closed().is_some() || !is_current {
            return Some(since.saturating_add(rules.evidence_span()));
        }
        (self.members().is_empty()).then(|| since.saturating_add(rules.empty_room_ttl))
    }
}

/// The earlier of two times that may be unknown.
fn earlier(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
