//! One life of a room.

mod stored;

use std::sync::Arc;

use crate::{
    domain::{CloseReason, IncarnationId, Login, Logout, RoomEventKind, Time, UserId},
    reconcile::{
        Rule, Rules,
        room::{
            Seqs,
            users::{Remains, UserChange, Users},
        },
    },
};

/// One life of a room: what its callbacks, in any order, add up to.
#[derive(Clone, Debug)]
pub(super) struct Incarnation {
    /// Whether it is the only life that its room has: the vendor gives lives no
    /// ids, so this one closes and opens again.
    is_only: bool,
    opened_at: Option<Time>,
    creator: Option<Creator>,
    closed: Option<Close>,
    /// When an only life closed the time before: where the part of it that
    /// `closed` ended began.
    closed_before: Option<Time>,
    /// The latest create or login: what a close of an only life has to be no
    /// earlier than, to close it.
    alive_at: Option<Time>,
    name: Option<Name>,
    /// The earliest login time seen. Stored, not derived from the users: those
    /// are forgotten.
    first_login_at: Option<Time>,
    /// The latest logout seen; stored for the same reason.
    last_logout_at: Option<Time>,
    pub(super) last_event_at: Option<Time>,
    pub(super) seqs: Seqs,
    pub(super) users: Users,
    /// How many users the vendor claims, and when it did: the latest claim, the
    /// greater if two differ.
    reported: Option<(Option<Time>, u32)>,
    /// The later of receipt and event time of the last evidence.
    evidence_at: Time,
    /// What its close left behind.
    pub(super) remains: Option<Remains>,
}

/// Who created it: the earliest account, the greater id if two differ.
#[derive(Clone, Debug)]
struct Creator {
    at: Option<Time>,
    user: UserId,
}

/// How it ended: the earliest account, the greater reason if two differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Close {
    pub(super) at: Option<Time>,
    pub(super) reason: CloseReason,
}

/// What it is called: the latest account, the greater name if two differ.
#[derive(Clone, Debug)]
struct Name {
    at: Option<Time>,
    name: Arc<str>,
}

/// What an event changed of who is present.
#[derive(Debug)]
pub(super) enum Effect {
    /// Whether one user is, or as what.
    User(UserChange),
    /// All that were are not, at once.
    Emptied,
    /// Nothing.
    None,
}

impl Incarnation {
    pub(super) fn new(id: &IncarnationId, evidence_at: Time) -> Self {
        Self {
            is_only: id.is_empty(),
            alive_at: None,
            opened_at: None,
            creator: None,
            closed: None,
            closed_before: None,
            name: None,
            first_login_at: None,
            last_logout_at: None,
            last_event_at: None,
            seqs: Seqs::default(),
            users: Users::default(),
            reported: None,
            evidence_at,
            remains: None,
        }
    }

    /// Joins an event to what is known.
    pub(super) fn apply(
        &mut self,
        event: &RoomEventKind,
        evidence_at: Time,
        rules: &Rules,
    ) -> Effect {
        self.note(evidence_at);
        self.last_event_at = self.last_event_at.max(event.at());
        match event {
            RoomEventKind::Created { at, creator, name } => {
                self.create(*at, creator.as_ref());
                self.rename(*at, name.as_ref());
            }
            RoomEventKind::Closed { at, reason } => return self.close(*at, *reason, rules),
            RoomEventKind::Login(login) => return self.login(login, evidence_at, rules),
            RoomEventKind::Logout(logout) => return self.logout(logout, evidence_at, rules),
            RoomEventKind::Counted { at, users } => {
                self.reported = self.reported.max(Some((*at, *users)));
            }
        }
        Effect::None
    }

    /// Keeps the record for as long as evidence of this time requires.
    pub(super) fn note(&mut self, evidence_at: Time) {
        self.evidence_at = self.evidence_at.max(evidence_at);
    }

    fn create(&mut self, at: Option<Time>, creator: Option<&UserId>) {
        self.alive_at = self.alive_at.max(at);
        self.opened_at = if self.is_only {
            self.opened_at.max(at)
        } else {
            earlier(self.opened_at, at)
        };
        let Some(user) = creator else {
            return;
        };
        let wins = self.creator.as_ref().is_none_or(|known| {
            self.outranks(at, known.at) || (at == known.at && *user > known.user)
        });
        if wins {
            let user = user.clone();
            self.creator = Some(Creator { at, user });
        }
    }

    fn close(&mut self, at: Option<Time>, reason: CloseReason, rules: &Rules) -> Effect {
        if let Some(other) = self.closed.filter(|known| known.at != at) {
            self.closed_before = self.closed_before.max(at.min(other.at));
        }
        let wins = self.closed.is_none_or(|known| {
            self.outranks(at, known.at) || (at == known.at && reason > known.reason)
        });
        if wins {
            self.closed = Some(Close { at, reason });
        }
        if self.is_only {
            self.remains = self.users.end_through(at, rules);
            return match self.remains {
                Some(_) => Effect::Emptied,
                None => Effect::None,
            };
        }
        if rules.keeps(Rule::ClosedIsFinal) {
            let remains = self.users.clear();
            self.remains = self.remains.take().or(remains);
        } else {
            self.users.hide();
        }
        Effect::Emptied
    }

    /// Whether one account of when it opened or closed counts before another: the
    /// earlier, as a life opens and closes once; of an only life, which does so
    /// again and again, the later.
    fn outranks(&self, new: Option<Time>, old: Option<Time>) -> bool {
        if self.is_only {
            new > old
        } else {
            new.is_some() && (old.is_none() || new < old)
        }
    }

    /// Whether a login at a time is over because its life is.
    fn is_over_at(&self, at: Option<Time>, rules: &Rules) -> bool {
        self.closed
            .is_some_and(|close| !self.is_only || at <= close.at)
            && rules.keeps(Rule::ClosedIsFinal)
    }

    fn login(&mut self, login: &Login, evidence_at: Time, rules: &Rules) -> Effect {
        self.alive_at = self.alive_at.max(login.at);
        self.first_login_at = earlier(self.first_login_at, login.at);
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
        self.first_login_at = earlier(self.first_login_at, logout.login_at);
        self.last_logout_at = self.last_logout_at.max(logout.at.or(logout.login_at));
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
            Some(seq) if rules.keeps(Rule::NumbersAreASet) => self.seqs.insert(seq),
            // Left out, a repeated number passes for the next.
            Some(_) => self.seqs.append(),
            None => {}
        }
    }

    fn rename(&mut self, at: Option<Time>, name: Option<&Arc<str>>) {
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return;
        };
        let known = self.name.as_ref();
        if known.is_none_or(|known| (at, &**name) > (known.at, &*known.name)) {
            let name = Arc::clone(name);
            self.name = Some(Name { at, name });
        }
    }

    /// When it began: as the vendor says, else when the first user logged in. A
    /// close and a logout prove no start.
    pub(super) fn start(&self, rules: &Rules) -> Option<Time> {
        self.opened_at.or(self
            .first_login_at
            .filter(|_| rules.keeps(Rule::LoginsProveTheRoom)))
    }

    /// When it was last known to be in use.
    pub(super) fn end(&self) -> Option<Time> {
        self.closed
            .and_then(|close| close.at)
            .or(self.last_logout_at)
    }

    /// How it closed, if it is closed.
    pub(super) fn closed(&self) -> Option<Close> {
        self.closed
            .filter(|close| !self.is_only || self.alive_at <= close.at)
    }

    /// How it closed last, whether or not it opened again.
    pub(super) fn last_close(&self) -> Option<Close> {
        self.closed
    }

    /// Whether what was said at a time is about what is visible: of an only life,
    /// the part since its last close or, while it is closed, the part before.
    fn stands(&self, at: Option<Time>) -> bool {
        let since = match self.closed() {
            Some(_) => self.closed_before,
            None => self.closed.and_then(|close| close.at),
        };
        !self.is_only || since.is_none() || at > since
    }

    pub(super) fn opened_at(&self) -> Option<Time> {
        self.opened_at.filter(|at| self.stands(Some(*at)))
    }

    pub(super) fn creator(&self) -> Option<&UserId> {
        let standing = self
            .creator
            .as_ref()
            .filter(|creator| self.stands(creator.at));
        standing.map(|creator| &creator.user)
    }

    pub(super) fn reported_user_count(&self) -> u32 {
        self.reported.map_or(0, |(_, users)| users)
    }

    pub(super) fn name(&self) -> Option<&Arc<str>> {
        let standing = self.name.as_ref().filter(|name| self.stands(name.at));
        standing.map(|name| &name.name)
    }

    /// When it is to be forgotten as a whole: evidence of a life that is over is
    /// kept for the horizon, an empty room for as long as it may stay open. A
    /// room with somebody in it is not, however quiet.
    pub(super) fn due_at(&self, is_current: bool, rules: &Rules) -> Option<Time> {
        if self.closed().is_some() || !is_current {
            return Some(self.evidence_at.saturating_add(rules.evidence_span()));
        }
        (self.users.members().is_empty())
            .then(|| self.evidence_at.saturating_add(rules.empty_room_ttl))
    }
}

/// The earlier of two times that may be unknown.
fn earlier(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
