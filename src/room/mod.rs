//! The reconciler: one room's state as the join of the evidence about it.
//!
//! The same callbacks give the same room in every order and with any number of
//! repetitions, as long as each arrives within the reorder horizon of its time.
//! Every number kept is a maximum or a minimum, every tie has a rule, and
//! nothing depends on arrival. It is pure: no clock, no lock, no I/O.
//!
//! `docs/reconciliation.md` has the rules in prose.

mod change;
mod incarnation;
mod members;
mod rules;
mod seqs;
mod sessions;

use std::{collections::BTreeMap, sync::Arc};

use crate::event::{CloseReason, IncarnationId, LeaveReason, RoomEvent, RoomEventKind, Time};

use self::incarnation::{Effect, Incarnation, UserChange};

pub use self::{
    change::{RoomChange, RoomState, RoomSummary, RoomView},
    members::{Member, MemberKey, Members, digest_of},
    rules::{CLOCK_SKEW, EVIDENCE_GRACE, Rule, Rules},
    seqs::Seqs,
};

/// One room: all of its lives that are still remembered.
#[derive(Clone, Debug, Default)]
pub struct Room {
    incarnations: BTreeMap<IncarnationId, Incarnation>,
    /// The one that is visible. Derived from the others; kept, to see it change.
    current: Option<IncarnationId>,
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
            .or_insert_with(|| Incarnation::new(&event.incarnation, evidence_at));
        let effect = incarnation.apply(&kind, evidence_at, rules);
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
        }
    }

    /// An event far behind its receipt could meet a state that has forgotten the
    /// evidence against it; far ahead, it would outlive all evidence to come.
    /// The end of something that is still known is always safe to believe.
    fn is_stale(&self, event: &RoomEvent, received_at: Time, rules: &Rules) -> bool {
        let horizon = rules.reorder_horizon;
        let at = event.kind.at().unwrap_or(received_at);
        let in_time =
            at >= received_at.saturating_sub(horizon) && at <= received_at.saturating_add(horizon);
        if in_time || !rules.keeps(Rule::StaleIsNotApplied) {
            return false;
        }
        let known = self.incarnations.get(&event.incarnation);
        let ends_something_known = match &event.kind {
            RoomEventKind::Closed { .. } => known.is_some(),
            RoomEventKind::Logout(logout) => {
                known.is_some_and(|known| known.knows_session(&logout.user, &logout.session))
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
        // The first by id, as the empty one is before all but numbers: vendors
        // that name lives never leave one unnamed.
        if let Some((only, _)) = self.incarnations.iter().find(|(id, _)| id.is_empty()) {
            return Some(only);
        }
        let started = || {
            self.incarnations
                .iter()
                .filter(|(_, life)| life.start(rules).is_some())
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
        let over = latest.closed().is_some() || latest.members.is_empty();
        let Some(end) = latest
            .end()
            .filter(|_| over && rules.keeps(Rule::ClockSkewIsForgiven))
        else {
            return Some(latest_id);
        };
        let began_by = Some(end.saturating_sub(CLOCK_SKEW));
        let outlived = Some(end.saturating_add(CLOCK_SKEW));
        let is_in_use = |life: &Incarnation| life.closed().is_none() && !life.members.is_empty();
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
            let users = life.forget_users(now, rules);
            if self.current.as_ref() == Some(id) {
                forgotten = users;
            }
        }
        self.forget_incarnations(now, rules);
        self.current = self.select(rules).cloned();
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
            !is_due(id, life) && (spared || !earlier)
        });
    }

    /// When something is next to be forgotten.
    pub fn due_at(&self, rules: &Rules) -> Option<Time> {
        let dues = self.incarnations.iter().flat_map(|(id, life)| {
            let is_current = self.current.as_ref() == Some(id);
            [life.due_at(is_current, rules), life.users_due_at()]
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
        Some(&self.current_life()?.members)
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
        self.incarnations.get(self.current.as_ref()?)
    }

    /// What a watcher is to be told, who last knew the room as `before`.
    fn changes_since(
        &self,
        before: &RoomSummary,
        effect: Effect,
        rules: &Rules,
    ) -> Vec<RoomChange> {
        let after = self.summary(rules);
        if before.incarnation != after.incarnation {
            return self.switch(before, after, rules);
        }
        match (before.state, after.state) {
            (RoomState::Unknown, _) => Vec::new(),
            (RoomState::Open, RoomState::Closed) => vec![self.closed(after)],
            (RoomState::Closed, RoomState::Open) => self.opened(&after),
            // Closed and opened again, in one: some are in the later part of it.
            (RoomState::Open, RoomState::Open) if matches!(effect, Effect::Emptied) => {
                self.restarted(before, &after)
            }
            _ => {
                let updated = after.differs_from(before);
                let updated = updated.then(|| RoomChange::RoomUpdated(Arc::new(after)));
                let user = match effect {
                    Effect::User(user) => user_change(user),
                    Effect::Emptied | Effect::None => None,
                };
                updated.into_iter().chain(user).collect()
            }
        }
    }

    /// The visible life is another: the old one ends, the new one begins.
    fn switch(&self, before: &RoomSummary, after: RoomSummary, rules: &Rules) -> Vec<RoomChange> {
        let mut changes = Vec::new();
        if before.state == RoomState::Open {
            let (room, reason) = if after.state == RoomState::Unknown {
                (before.clone(), CloseReason::Unknown)
            } else {
                (self.superseded(before, rules), CloseReason::Superseded)
            };
            let room = Arc::new(RoomSummary {
                state: RoomState::Closed,
                user_count: 0,
                ..room
            });
            changes.push(RoomChange::RoomClosed { room, reason });
        }
        if after.state == RoomState::Unknown {
            return changes;
        }
        let is_closed = after.state == RoomState::Closed;
        changes.extend(self.opened(&after));
        changes.extend(is_closed.then(|| self.closed(after)));
        changes
    }

    /// A life begins, with those who are in it.
    fn opened(&self, after: &RoomSummary) -> Vec<RoomChange> {
        let opened = RoomChange::RoomOpened(Arc::new(RoomSummary {
            state: RoomState::Open,
            closed_at: None,
            user_count: 0,
            ..after.clone()
        }));
        let members = self.members().into_iter().flat_map(Members::iter);
        let joined = members.map(|member| RoomChange::UserJoined(Arc::clone(member)));
        std::iter::once(opened).chain(joined).collect()
    }

    /// The only life of a room closed before some of it that is known.
    fn restarted(&self, before: &RoomSummary, after: &RoomSummary) -> Vec<RoomChange> {
        let close = self.current_life().and_then(Incarnation::last_close);
        let room = Arc::new(RoomSummary {
            state: RoomState::Closed,
            closed_at: close.and_then(|close| close.at),
            user_count: 0,
            ..before.clone()
        });
        let reason = close.map_or(CloseReason::Unknown, |close| close.reason);
        let mut changes = vec![RoomChange::RoomClosed { room, reason }];
        changes.extend(self.opened(after));
        changes
    }

    /// The life that was visible before, as it is known now.
    fn superseded(&self, before: &RoomSummary, rules: &Rules) -> RoomSummary {
        let id = before.incarnation.as_ref();
        let life = id.and_then(|id| Some((id, self.incarnations.get(id)?)));
        life.map_or_else(|| before.clone(), |(id, life)| summary_of(id, life, rules))
    }

    fn closed(&self, after: RoomSummary) -> RoomChange {
        let close = self.current_life().and_then(Incarnation::closed);
        RoomChange::RoomClosed {
            room: Arc::new(after),
            reason: close.map_or(CloseReason::Unknown, |close| close.reason),
        }
    }
}

fn user_change(change: UserChange) -> Option<RoomChange> {
    match (change.before, change.after) {
        (None, None) => None,
        (None, Some(member)) => Some(RoomChange::UserJoined(member)),
        (Some(member), None) => {
            let (reason, at) = change.left.unwrap_or((LeaveReason::Unknown, None));
            Some(RoomChange::UserLeft { member, reason, at })
        }
        (Some(before), Some(after)) => (before != after).then_some(RoomChange::UserUpdated(after)),
    }
}

fn summary_of(id: &IncarnationId, life: &Incarnation, rules: &Rules) -> RoomSummary {
    let close = life.closed();
    let people = if rules.keeps(Rule::AdminsAreNotCounted) {
        life.members.user_count()
    } else {
        life.members.len()
    };
    RoomSummary {
        state: if close.is_some() {
            RoomState::Closed
        } else {
            RoomState::Open
        },
        incarnation: Some(id.clone()),
        name: life.name().cloned(),
        creator: life.creator().cloned(),
        opened_at: life.opened_at(),
        closed_at: close.and_then(|close| close.at),
        user_count: people,
        missing_callbacks: life.seqs.missing(),
        last_event_at: life.last_event_at,
        reported_user_count: life.reported_user_count(),
    }
}
