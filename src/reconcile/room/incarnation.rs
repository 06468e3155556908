//! One life of a room.

use std::sync::Arc;

use crate::{
    domain::{CloseReason, IncarnationId, Login, Logout, RoomEventKind, Time, UserId},
    reconcile::{DatedName, Footprint, InvalidEvidence, Member, Rule, Rules, sessions::Sessions},
};

use super::{
    evidence::{Claim, Close, Creator, IncarnationEvidence},
    members::Members,
    users::{EndedLogins, FormerUsers, PresenceChange, Users},
};

/// One life of a room. Its state does not depend on the order of its callbacks.
#[derive(Clone, Debug)]
pub(crate) struct Incarnation {
    /// Whether the vendor gives lives no ids. Then this is the only life of its room, and it
    /// closes and opens again.
    is_unnamed: bool,
    evidence: IncarnationEvidence,
    pub(super) users: Users,
    /// The users of the life when it closed, until the room takes them.
    pub(super) former_users: Option<FormerUsers>,
}

/// A life, and its id.
pub(super) type Life<'a> = (&'a IncarnationId, &'a Incarnation);

/// How an event changed who is present.
#[derive(Debug)]
pub(super) enum PresenceEffect {
    /// One user joined, left, or has another login.
    User(PresenceChange),
    /// All members left because the life closed.
    Emptied,
    /// The logins of these members ended, because an unnamed life closed. Some have another
    /// login.
    Ended(Vec<(Member, Option<Member>)>),
    /// The same users are present.
    None,
}

impl Incarnation {
    pub(super) fn new(id: &IncarnationId, evidence_at: Time) -> Self {
        Self {
            is_unnamed: id.is_empty(),
            evidence: IncarnationEvidence::new(evidence_at),
            users: Users::new(id.is_empty()),
            former_users: None,
        }
    }

    /// A life that is restored from a checkpoint. What follows from the evidence is not
    /// [derived](Self::derive) yet.
    ///
    /// # Errors
    /// When it has users although it closed and cannot open again.
    pub(crate) fn restore(
        id: &IncarnationId,
        evidence: IncarnationEvidence,
        users: Users,
    ) -> Result<Self, InvalidEvidence> {
        let life = Self {
            is_unnamed: id.is_empty(),
            evidence,
            users,
            former_users: None,
        };
        match life.may_have_users() || life.users.is_empty() {
            true => Ok(life),
            false => Err(InvalidEvidence::ClosedIncarnationWithUsers),
        }
    }

    /// Adds a user who is restored from a checkpoint.
    ///
    /// # Errors
    /// When the life closed and cannot open again, the user is known already, or there are no
    /// sessions.
    pub(super) fn restore_user(&mut self, sessions: Sessions) -> Result<(), InvalidEvidence> {
        match self.may_have_users() {
            true => self.users.restore(sessions),
            false => Err(InvalidEvidence::ClosedIncarnationWithUsers),
        }
    }

    fn may_have_users(&self) -> bool {
        self.evidence.closed.is_none() || self.is_unnamed
    }

    /// Derives from the evidence, by these rules, what the life keeps beside it.
    pub(super) fn derive(&mut self, rules: &Rules) {
        self.users.derive(self.is_unnamed, rules);
    }

    /// The evidence, except for that about users.
    pub(crate) fn evidence(&self) -> &IncarnationEvidence {
        &self.evidence
    }

    /// The users about whom there is evidence.
    pub(crate) fn users(&self) -> &Users {
        &self.users
    }

    /// What the life takes, of which this is the id.
    pub(super) fn footprint(&self, id: &IncarnationId) -> Footprint {
        let mut footprint = self.users.footprint();
        footprint += self.evidence.footprint(id);
        footprint
    }

    /// The users who are present.
    pub(super) fn members(&self) -> &Members {
        self.users.members()
    }

    /// Adds an event to the evidence.
    pub(super) fn apply(
        &mut self,
        event: &RoomEventKind,
        evidence_at: Time,
        rules: &Rules,
    ) -> PresenceEffect {
        self.note_evidence(evidence_at);
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
        PresenceEffect::None
    }

    /// Notes that there is evidence of this time, so that the life is kept long enough.
    pub(super) fn note_evidence(&mut self, evidence_at: Time) {
        self.evidence.evidence_at = self.evidence.evidence_at.max(evidence_at);
    }

    fn create(&mut self, at: Option<Time>, creator: Option<&UserId>) {
        self.evidence.alive_at = self.evidence.alive_at.max(at);
        self.evidence.opened_at = if self.is_unnamed {
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

    fn close(&mut self, at: Option<Time>, reason: CloseReason, rules: &Rules) -> PresenceEffect {
        if let Some(other) = self.evidence.closed.filter(|known| known.at != at) {
            self.evidence.closed_before = self.evidence.closed_before.max(at.min(other.at));
        }
        let wins = self.evidence.closed.is_none_or(|known| {
            self.outranks(at, known.at) || (at == known.at && reason > known.reason)
        });
        if wins {
            self.evidence.closed = Some(Close { at, reason });
        }
        if self.is_unnamed {
            let Some(EndedLogins {
                former_users,
                ended,
            }) = self.users.end_through(at, rules)
            else {
                return PresenceEffect::None;
            };
            self.former_users = Some(former_users);
            return PresenceEffect::Ended(ended);
        }
        if rules.keeps(Rule::ClosedIsFinal) {
            let former_users = self.users.clear();
            self.former_users = self.former_users.take().or(former_users);
        } else {
            self.users.hide();
        }
        PresenceEffect::Emptied
    }

    /// Whether a new report of an open or close counts instead of an old one. The earlier
    /// report counts, because a life opens and closes once. An unnamed life opens and closes
    /// many times, so the later report counts.
    fn outranks(&self, new: Option<Time>, old: Option<Time>) -> bool {
        if self.is_unnamed {
            new > old
        } else {
            new.is_some() && (old.is_none() || new < old)
        }
    }

    /// Whether a login at this time has ended because the life closed.
    fn is_over_at(&self, at: Option<Time>, rules: &Rules) -> bool {
        self.evidence
            .closed
            .is_some_and(|close| !self.is_unnamed || at <= close.at)
            && rules.keeps(Rule::ClosedIsFinal)
    }

    fn login(&mut self, login: &Login, evidence_at: Time, rules: &Rules) -> PresenceEffect {
        self.evidence.alive_at = self.evidence.alive_at.max(login.at);
        self.evidence.first_login_at = earlier(self.evidence.first_login_at, login.at);
        self.note_number(login.seq, rules);
        self.rename(login.at, login.room_name.as_ref());
        if self.is_over_at(login.at, rules) {
            return PresenceEffect::None;
        }
        PresenceEffect::User(self.users.change(&login.user, rules, |sessions| {
            sessions.login(login, evidence_at, rules);
        }))
    }

    fn logout(&mut self, logout: &Logout, evidence_at: Time, rules: &Rules) -> PresenceEffect {
        self.evidence.first_login_at = earlier(self.evidence.first_login_at, logout.login_at);
        self.evidence.last_logout_at = self
            .evidence
            .last_logout_at
            .max(logout.at.or(logout.login_at));
        self.note_number(logout.seq, rules);
        if self.is_over_at(logout.at.max(logout.login_at), rules) {
            return PresenceEffect::None;
        }
        PresenceEffect::User(self.users.change(&logout.user, rules, |sessions| {
            sessions.logout(logout, evidence_at, rules);
        }))
    }

    fn note_number(&mut self, seq: Option<u64>, rules: &Rules) {
        match seq {
            Some(seq) if rules.keeps(Rule::NumbersAreASet) => self.evidence.seqs.insert(seq),
            // Without the rule, a repeated number counts as the next number.
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

    /// When the life began: when the vendor says that it opened, or else when the first user
    /// logged in. A close or a logout alone does not prove that it began.
    pub(super) fn start(&self, rules: &Rules) -> Option<Time> {
        self.evidence.opened_at.or(self
            .evidence
            .first_login_at
            .filter(|_| rules.keeps(Rule::LoginsProveTheRoom)))
    }

    /// When the life was last known to be in use.
    pub(super) fn end(&self) -> Option<Time> {
        self.evidence
            .closed
            .and_then(|close| close.at)
            .or(self.evidence.last_logout_at)
    }

    /// How the life closed, if it is closed.
    pub(super) fn closed(&self) -> Option<Close> {
        self.evidence
            .closed
            .filter(|close| !self.is_unnamed || self.evidence.alive_at <= close.at)
    }

    /// Whether the life is open, and somebody is present.
    pub(super) fn is_in_use(&self) -> bool {
        self.closed().is_none() && !self.members().is_empty()
    }

    /// How the life closed last, whether or not it opened again.
    pub(super) fn last_close(&self) -> Option<Close> {
        self.evidence.closed
    }

    /// Whether a report of this time is about the visible part of the life. The visible part
    /// of an unnamed life is the one since its last close or, while it is closed, the one
    /// that the close ended. All of any other life is visible.
    pub(super) fn is_visible_at(&self, at: Option<Time>) -> bool {
        let since = match self.closed() {
            Some(_) => self.evidence.closed_before,
            None => self.evidence.closed.and_then(|close| close.at),
        };
        !self.is_unnamed || since.is_none() || at > since
    }

    /// When the whole life is to be forgotten. A life that is closed or not current is kept
    /// for as long as evidence is, and an empty open life for as long as it is believed to be
    /// open. A current life with members is not forgotten, however old its evidence is.
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
