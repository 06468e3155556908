//! The reconciler: one room's state as the join of the evidence about it.
//!
//! The same callbacks give the same room in every order and with any number of
//! repetitions, as long as each arrives within the reorder horizon of its time.
//! Every number kept is a maximum or a minimum, every tie has a rule, and
//! nothing depends on arrival. It is pure: no clock, no lock, no I/O.
//!
//! `docs/reconciliation.md` has the rules in prose.

mod change;
mod difference;
mod incarnation;
mod members;
mod seqs;
mod stored;
mod users;

use std::collections::BTreeMap;

use crate::{
    domain::{IncarnationId, RoomEvent, RoomEventKind, Time},
    reconcile::{CLOCK_SKEW, Member, Rule, Rules},
};

use self::{
    difference::{summary_of, user_change},
    incarnation::{Effect, Incarnation},
};

pub use self::{
    change::{RoomChange, RoomState, RoomSummary, RoomView},
    members::{MemberKey, Members, digest_of},
    seqs::Seqs,
    users::Remains,
};

/// One room: all of its lives that are still remembered.
#[derive(Clone, Debug, Default)]
pub struct Room {
    // Boxed: the map has room for eleven, and hardly a room has more than one.
    incarnations: BTreeMap<IncarnationId, Box<Incarnation>>,
    /// The one that is visible. Derived from the others; kept, to see it change.
    current: Option<IncarnationId>,
    /// What lives that are over left behind.
    remains: Vec<Remains>,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is part of the evidence; this is what changed visibly, if anything.
    Joined(Vec<RoomChange>),
    /// It is too far from its receipt to be applied.
    Stale,
}

impl Room {
    /// Joins an event to the evidence. `received_at` is when its callback was
    /// received, as the journal says.
    pub fn apply(&mut self, event: &RoomEvent, received_at: Time, rules: &Rules) -> Applied {
        if self.is_stale(event, received_at, rules) {
            return Applied::Stale;
        }
        let before = self.summary(rules);
        // An end may be believed, but no evidence is to outlive all others.
        let kind = event
            .kind
            .no_later_than(received_at.saturating_add(rules.reorder_horizon));
        let evidence_at = kind
            .latest()
            .map_or(received_at, |latest| latest.max(received_at));
        let incarnation = (self.incarnations)
            .entry(event.incarnation.clone())
            .or_insert_with(|| Box::new(Incarnation::new(&event.incarnation, evidence_at)));
        let effect = incarnation.apply(&kind, evidence_at, rules);
        self.remains.extend(incarnation.remains.take());
        self.current = self.select(rules).cloned();
        self.note_superseded(before.incarnation.as_ref(), evidence_at);
        let is_visible = self.current.as_ref() == Some(&event.incarnation);
        let effect = if is_visible { effect } else { Effect::None };
        Applied::Joined(self.changes_since(&before, effect, rules))
    }

    /// What ends the current life by putting another in its place is evidence
    /// about it as much as about the other. A life that was quiet for long would
    /// else be forgotten at once, and with it when it began: a last login of it,
    /// still under way, would make it the latest to begin.
    fn note_superseded(&mut self, before: Option<&IncarnationId>, evidence_at: Time) {
        if before == self.current.as_ref() {
            return;
        }
        if let Some(life) = before.and_then(|id| self.incarnations.get_mut(id)) {
            life.note(evidence_at);
            self.remains.extend(life.users.left_behind());
        }
    }

    /// An event far behind its receipt could meet a state that has forgotten the
    /// evidence against it; far ahead, it would outlive all evidence to come.
    /// The end of something that is still known is always safe to believe.
    fn is_stale(&self, event: &RoomEvent, received_at: Time, rules: &Rules) -> bool {
        if rules.in_time(event.kind.at().unwrap_or(received_at), received_at) {
            return false;
        }
        let known = self.incarnations.get(&event.incarnation);
        let ends_something_known = match &event.kind {
            RoomEventKind::Closed { .. } => known.is_some(),
            RoomEventKind::Logout(logout) => {
                known.is_some_and(|known| known.users.knows(&logout.user, &logout.session))
            }
            RoomEventKind::Created { .. }
            | RoomEventKind::Login(_)
            | RoomEventKind::Counted { .. } => false,
        };
        !(ends_something_known && rules.keeps(Rule::LateEndsStillEnd))
    }

    /// The life that is visible: the one that started last, unless it is over
    /// and another that began shortly before its end is in use, or was after it.
    /// One without a start is never visible.
    fn select(&self, rules: &Rules) -> Option<&IncarnationId> {
        // Vendors that name lives never leave one unnamed, and the others have no
        // other: it is the only one, and always current.
        if let Some((only, _)) = self.incarnations.iter().find(|(id, _)| id.is_empty()) {
            return Some(only);
        }
        let started = || {
            let lives = self.incarnations.iter().map(|(id, life)| (id, &**life));
            lives.filter(|(_, life)| life.start(rules).is_some())
        };
        let ties = rules.keeps(Rule::TiesGoToTheGreaterIncarnation);
        let (latest_id, latest) = started().reduce(|best, next| {
            let rank = |(_, life): (&IncarnationId, &Incarnation)| {
                (life.start(rules), life.closed().is_none())
            };
            // Ascending by id, so that an equal one that comes next is greater.
            let wins = match rank(next).cmp(&rank(best)) {
                _ if !rules.keeps(Rule::LatestStartIsCurrent) => false,
                std::cmp::Ordering::Equal => ties,
                order => order.is_gt(),
            };
            if wins { next } else { best }
        })?;
        let over = latest.closed().is_some() || latest.users.members().is_empty();
        let Some(end) = latest
            .end()
            .filter(|_| over && rules.keeps(Rule::ClockSkewIsForgiven))
        else {
            return Some(latest_id);
        };
        let began_by = Some(end.saturating_sub(CLOCK_SKEW));
        let outlived = Some(end.saturating_add(CLOCK_SKEW));
        let is_in_use =
            |life: &Incarnation| life.closed().is_none() && !life.users.members().is_empty();
        let next = started().filter(|(id, life)| {
            *id != latest_id
                && life.start(rules) >= began_by
                && (is_in_use(life) || life.end() > outlived)
        });
        let replacing = next.max_by_key(|(_, life)| (is_in_use(life), life.start(rules)));
        Some(replacing.map_or(latest_id, |(id, _)| id))
    }

    /// Forgets what is due at `now`.
    pub fn tick(&mut self, now: Time, rules: &Rules) -> Vec<RoomChange> {
        let before = self.summary(rules);
        let mut forgotten = Vec::new();
        for (id, life) in &mut self.incarnations {
            let users = life.users.forget(now, rules);
            if self.current.as_ref() == Some(id) {
                forgotten = users;
            }
        }
        self.forget_incarnations(now, rules);
        self.current = self.select(rules).cloned();
        if before.incarnation != self.current {
            let life = (before.incarnation.as_ref()).and_then(|id| self.incarnations.get(id));
            self.remains
                .extend(life.and_then(|life| life.users.left_behind()));
        }
        let mut changes = self.changes_since(&before, Effect::None, rules);
        if changes.is_empty() {
            changes.extend(forgotten.into_iter().filter_map(user_change));
        }
        changes
    }

    /// Forgets each life that is due and, with it, those that began no later: one
    /// of them may never have heard of its end, and would be visible again.
    fn forget_incarnations(&mut self, now: Time, rules: &Rules) {
        let Self {
            incarnations,
            current,
            remains,
        } = self;
        let is_due = |id: &IncarnationId, life: &Incarnation| {
            let due_at = life.due_at(current.as_ref() == Some(id), rules);
            due_at.is_some_and(|due_at| due_at <= now)
        };
        let due = incarnations.iter().filter(|(id, life)| is_due(id, life));
        let last_start = due.filter_map(|(_, life)| life.start(rules)).max();
        incarnations.retain(|id, life| {
            let spared = current.as_ref() == Some(id) && rules.keeps(Rule::TheCurrentLifeStays);
            let start = life.start(rules);
            let known = start.is_some() || !rules.keeps(Rule::UnknownStartsStay);
            let earlier = known && start <= last_start && rules.keeps(Rule::EarlierLivesGoToo);
            let stays = !is_due(id, life) && (spared || !earlier);
            if !stays {
                remains.extend(life.users.clear());
            }
            stays
        });
    }

    /// A user, if present.
    pub fn present(&self, user: &str, rules: &Rules) -> Option<&Member> {
        self.current_life()?.users.present(user, rules)
    }

    /// Takes the users of lives that are over, to be told, and dropped, where
    /// nobody waits for it.
    pub fn take_remains(&mut self) -> Vec<Remains> {
        std::mem::take(&mut self.remains)
    }

    /// When something is next to be forgotten.
    pub fn due_at(&self, rules: &Rules) -> Option<Time> {
        let dues = self.incarnations.iter().flat_map(|(id, life)| {
            let is_current = self.current.as_ref() == Some(id);
            [life.due_at(is_current, rules), life.users.due_at()]
        });
        dues.flatten().min()
    }

    /// Whether nothing is remembered of it.
    pub fn is_forgotten(&self) -> bool {
        self.incarnations.is_empty()
    }

    /// What is visible of it.
    pub fn view(&self, rules: &Rules) -> RoomView {
        RoomView {
            summary: self.summary(rules),
            members: self.members().cloned().unwrap_or_default(),
        }
    }

    /// Its users.
    pub fn members(&self) -> Option<&Members> {
        Some(self.current_life()?.users.members())
    }

    /// The room without its users.
    pub fn summary(&self, rules: &Rules) -> RoomSummary {
        match (&self.current, self.current_life()) {
            (Some(id), Some(life)) => summary_of(id, life, rules),
            _ => RoomSummary::default(),
        }
    }

    /// Whether it is open.
    pub fn state(&self) -> RoomState {
        match self.current_life().map(|life| life.closed()) {
            None => RoomState::Unknown,
            Some(None) => RoomState::Open,
            Some(Some(_)) => RoomState::Closed,
        }
    }

    fn current_life(&self) -> Option<&Incarnation> {
        let life = self.incarnations.get(self.current.as_ref()?);
        life.map(Box::as_ref)
    }
}

#[cfg(test)]
mod tests;
