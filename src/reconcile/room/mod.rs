//! One room's state as the join of the evidence about it.
//!
//! The same callbacks give the same room in every order and with any number of
//! repetitions, as long as each arrives within the reorder horizon of its time.
//! Every number kept is a maximum or a minimum, every tie has a rule, and
//! nothing depends on arrival. It is pure: no clock, no lock, no I/O.
//!
//! `docs/reconciliation.md` has the rules in prose.

mod change;
mod difference;
mod evidence;
mod forgetting;
mod incarnation;
mod incarnations;
mod members;
mod selection;
mod seqs;
mod summary;
mod users;

use std::mem;

use crate::{
    domain::{IncarnationId, RoomEvent, RoomEventKind, Time},
    reconcile::{Applied, Impossible, Member, Rule, Rules},
};

use self::{
    difference::{changes_since, user_change},
    incarnation::Effect,
    incarnations::Incarnations,
};

pub(crate) use self::{
    evidence::{Claim, Close, Creator, IncarnationEvidence},
    incarnation::Incarnation,
    users::Users,
};

pub use self::{
    change::{RoomChange, RoomState, RoomSummary, RoomView},
    members::{MemberKey, Members},
    seqs::Seqs,
    users::FormerUsers,
};

/// One room: all of its lives that are still remembered.
#[derive(Clone, Debug, Default)]
pub struct Room {
    incarnations: Incarnations,
    /// The users of lives that are over, until they are taken.
    former_users: Vec<FormerUsers>,
}

impl Room {
    /// Joins an event to the evidence. `received_at` is when its callback was
    /// received, as the journal says.
    pub fn apply(
        &mut self,
        event: &RoomEvent,
        received_at: Time,
        rules: &Rules,
    ) -> Applied<RoomChange> {
        if self.is_stale(event, received_at, rules) {
            return Applied::Stale;
        }
        let before = self.summary(rules);
        // An end is believed even if its time is in the future, but no evidence may
        // outlive all evidence to come.
        let kind = event
            .kind
            .no_later_than(received_at.saturating_add(rules.reorder_horizon));
        let evidence_at = kind
            .latest()
            .map_or(received_at, |latest| latest.max(received_at));
        let incarnation = self
            .incarnations
            .get_or_insert(&event.incarnation, evidence_at);
        let effect = incarnation.apply(&kind, evidence_at, rules);
        self.former_users.extend(incarnation.former_users.take());
        self.incarnations.reselect(rules);
        self.note_superseded(before.incarnation.as_ref(), evidence_at);
        let is_visible = self.incarnations.current_id() == Some(&event.incarnation);
        let effect = if is_visible { effect } else { Effect::None };
        let changes = changes_since(&self.incarnations, &before, effect, rules);
        Applied::Joined(changes)
    }

    /// An event that puts another life in the place of the current one is evidence about
    /// both. Without it, a life that was quiet for long would be forgotten at once, and
    /// with it when it began: a login of it that is still under way would make it the
    /// latest to begin.
    fn note_superseded(&mut self, before: Option<&IncarnationId>, evidence_at: Time) {
        if before == self.incarnations.current_id() {
            return;
        }
        if let Some(life) = before.and_then(|id| self.incarnations.get_mut(id)) {
            life.note(evidence_at);
            self.former_users.extend(life.users.former_users());
        }
    }

    /// An event far behind its receipt could meet a state that has forgotten the
    /// evidence against it. One far ahead would outlive all evidence to come.
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

    /// Forgets what is due at `now`.
    pub fn tick(&mut self, now: Time, rules: &Rules) -> Vec<RoomChange> {
        let before = self.summary(rules);
        let forgotten = forgetting::forget_users(&mut self.incarnations, now, rules);
        let of_lives = forgetting::forget_lives(&mut self.incarnations, now, rules);
        self.former_users.extend(of_lives);
        self.incarnations.reselect(rules);
        if before.incarnation.as_ref() != self.incarnations.current_id() {
            let life = (before.incarnation.as_ref()).and_then(|id| self.incarnations.get(id));
            let former_users = life.and_then(|life| life.users.former_users());
            self.former_users.extend(former_users);
        }
        let mut changes = changes_since(&self.incarnations, &before, Effect::None, rules);
        if changes.is_empty() {
            changes.extend(forgotten.into_iter().filter_map(user_change));
        }
        changes
    }

    /// When something is next to be forgotten.
    pub fn due_at(&self, rules: &Rules) -> Option<Time> {
        forgetting::due_at(&self.incarnations, rules)
    }

    /// Whether nothing is remembered of it.
    pub fn is_forgotten(&self) -> bool {
        self.incarnations.is_empty()
    }

    /// Takes the users of lives that are over. They are still to be told, and to drop
    /// them takes long, so the caller does both without a lock.
    pub fn take_former_users(&mut self) -> Vec<FormerUsers> {
        mem::take(&mut self.former_users)
    }

    /// A user, if present.
    pub fn present(&self, user: &str, rules: &Rules) -> Option<&Member> {
        self.incarnations.current()?.users.present(user, rules)
    }

    /// Its users.
    pub fn members(&self) -> Option<&Members> {
        self.incarnations.members()
    }

    /// What is visible of it.
    pub fn view(&self, rules: &Rules) -> RoomView {
        RoomView {
            summary: self.summary(rules),
            members: self.members().cloned().unwrap_or_default(),
        }
    }

    /// The room without its users.
    pub fn summary(&self, rules: &Rules) -> RoomSummary {
        self.incarnations.summary(rules)
    }

    /// Whether it is open.
    pub fn state(&self) -> RoomState {
        self.incarnations.state()
    }

    /// The lives, by id.
    pub(crate) fn incarnations(&self) -> impl Iterator<Item = (&IncarnationId, &Incarnation)> {
        self.incarnations.iter()
    }

    /// Adds a life that was remembered elsewhere. Nothing is [derived](Self::derive) yet.
    ///
    /// # Errors
    /// When the life is known already.
    pub(crate) fn restore(
        &mut self,
        id: IncarnationId,
        life: Incarnation,
    ) -> Result<(), Impossible> {
        self.incarnations.restore(id, life)
    }

    /// Derives from restored evidence what follows from it by these rules.
    pub(crate) fn derive(&mut self, rules: &Rules) {
        self.incarnations.derive(rules);
    }
}

#[cfg(test)]
mod tests;
