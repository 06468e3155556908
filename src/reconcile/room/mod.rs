//! One room: the evidence about it, and the state that follows from the evidence.
//!
//! The same callbacks give the same room in every order and with any number of
//! repetitions, as long as each arrives within the reorder horizon of its time.
//! Every time that is kept is a maximum or a minimum, every tie has a rule, and nothing
//! depends on the order of arrival. The module is pure: it uses no clock, no lock and no
//! I/O.
//!
//! `docs/reconciliation.md` explains the rules.

mod change;
mod difference;
mod evidence;
mod forgetting;
mod incarnation;
mod incarnations;
mod lives;
mod members;
mod selection;
mod seqs;
mod summary;
mod users;

use std::mem;

use crate::{
    domain::{IncarnationId, RoomEvent, RoomEventKind, RoomId, Time, UserId},
    reconcile::{
        EventOutcome, Footprint, InvalidEvidence, Member, Rule, Rules,
        footprint::{ROOM, text},
        sessions::Sessions,
    },
};

use self::{
    difference::{changes_since, user_change},
    incarnation::PresenceEffect,
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

/// An event of this life of a room panics when half of it is applied.
#[cfg(test)]
pub(crate) const PLANTED_PANIC: &str = "planted panic";

/// One room: all of its lives that are still remembered.
#[derive(Clone, Debug, Default)]
pub struct Room {
    incarnations: Incarnations,
    /// The users of lives that are over, until a caller takes them.
    former_users: Vec<FormerUsers>,
}

impl Room {
    /// Adds an event to the evidence. `received_at` is when its callback was received, as the
    /// journal says.
    pub fn apply(
        &mut self,
        event: &RoomEvent,
        received_at: Time,
        rules: &Rules,
    ) -> EventOutcome<RoomChange> {
        if self.is_stale(event, received_at, rules) {
            return EventOutcome::Stale;
        }
        let before = self.summary(rules);
        // The end of a known session or life is applied even if its time is in the future.
        // Its time is limited: evidence of a later time would outrank all evidence to come.
        let kind = event
            .kind
            .no_later_than(received_at.saturating_add(rules.reorder_horizon));
        let evidence_at = kind
            .latest()
            .map_or(received_at, |latest| latest.max(received_at));
        let id = &event.incarnation;
        let change = |life: &mut Incarnation| {
            let effect = life.apply(&kind, evidence_at, rules);
            (effect, life.former_users.take())
        };
        let incarnations = &mut self.incarnations;
        let (effect, former_users) = incarnations.change_or_insert(id, evidence_at, rules, change);
        self.former_users.extend(former_users);
        #[cfg(test)]
        assert_ne!(event.incarnation, PLANTED_PANIC.into(), "planted");
        self.incarnations.reselect(rules);
        self.note_superseded(before.incarnation.as_ref(), evidence_at, rules);
        let is_visible = self.incarnations.current_id() == Some(&event.incarnation);
        let effect = if is_visible {
            effect
        } else {
            PresenceEffect::None
        };
        let changes = changes_since(&self.incarnations, &before, effect, rules);
        EventOutcome::Applied(changes)
    }

    /// Treats an event that makes another life current as evidence about both lives.
    /// Otherwise a life without events for long would be forgotten at once, and its start
    /// with it. A login to it that arrives later would then give it a new, later start, and
    /// make it current again.
    fn note_superseded(
        &mut self,
        before: Option<&IncarnationId>,
        evidence_at: Time,
        rules: &Rules,
    ) {
        let Some(before) = before.filter(|id| self.incarnations.current_id() != Some(*id)) else {
            return;
        };
        let former_users = self.incarnations.lives.change(before, rules, |life| {
            life.note_evidence(evidence_at);
            life.users.former_users()
        });
        self.former_users.extend(former_users.flatten());
    }

    /// Whether an event is too far from its receipt. If it is far behind, the evidence against
    /// it may be forgotten. If it is far ahead, it would outrank all evidence to come. To
    /// apply the end of a session or life that is still known is always safe.
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

    /// Whether a later event of the same life came before.
    pub fn is_out_of_order(&self, event: &RoomEvent) -> bool {
        let known = self.incarnations.get(&event.incarnation);
        let latest = known.and_then(|life| life.evidence().last_event_at);
        event.kind.at().is_some_and(|at| latest > Some(at))
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
        let mut changes = changes_since(&self.incarnations, &before, PresenceEffect::None, rules);
        if changes.is_empty() {
            changes.extend(forgotten.into_iter().filter_map(user_change));
        }
        changes
    }

    /// When the room next has something to forget.
    pub fn due_at(&self, rules: &Rules) -> Option<Time> {
        forgetting::due_at(&self.incarnations, rules)
    }

    /// Whether no evidence about the room is left.
    pub fn is_forgotten(&self) -> bool {
        self.life_count() == 0
    }

    /// How many lives of the room are remembered.
    pub fn life_count(&self) -> usize {
        self.incarnations.lives.len()
    }

    /// Whether there is evidence of this life of the room.
    pub fn knows_life(&self, life: &IncarnationId) -> bool {
        self.incarnations.get(life).is_some()
    }

    /// How many sessions of a user there are in a life of the room.
    pub fn session_count(&self, life: &IncarnationId, user: &UserId) -> usize {
        let life = self.incarnations.get(life);
        life.map_or(0, |life| life.users.session_count(user))
    }

    /// What the evidence about the room takes, of which this is the id. Nothing, if no evidence is
    /// left.
    pub fn footprint(&self, id: &RoomId) -> Footprint {
        let mut footprint = self.incarnations.lives.footprint();
        if !self.is_forgotten() {
            footprint += Footprint {
                rooms: 1,
                bytes: ROOM + text(id.as_str().len()),
                ..Footprint::default()
            };
        }
        footprint
    }

    /// Takes the users of lives that are over. The caller has to notify them, and drops them.
    /// Both can take long, so the caller does both while it holds no lock.
    pub fn take_former_users(&mut self) -> Vec<FormerUsers> {
        mem::take(&mut self.former_users)
    }

    /// The member with this user id, if the user is present.
    pub fn present(&self, user: &str, rules: &Rules) -> Option<&Member> {
        self.incarnations.current()?.users.present(user, rules)
    }

    /// The members of the current life, if there is one.
    pub fn members(&self) -> Option<&Members> {
        self.incarnations.members()
    }

    /// What is visible of the room.
    pub fn view(&self, rules: &Rules) -> RoomView {
        RoomView {
            summary: self.summary(rules),
            members: self.members().cloned().unwrap_or_default(),
        }
    }

    /// What is visible of the room, without its users.
    pub fn summary(&self, rules: &Rules) -> RoomSummary {
        self.incarnations.summary(rules)
    }

    /// Whether the room is open.
    pub fn state(&self) -> RoomState {
        self.incarnations.state()
    }

    /// The lives, by id.
    pub(crate) fn incarnations(&self) -> impl Iterator<Item = (&IncarnationId, &Incarnation)> {
        self.incarnations.lives.iter()
    }

    /// Adds a life that is restored from a checkpoint. What follows from the evidence is not
    /// [derived](Self::derive) yet.
    ///
    /// # Errors
    /// When the life is known already.
    pub(crate) fn restore(
        &mut self,
        id: IncarnationId,
        life: Incarnation,
    ) -> Result<(), InvalidEvidence> {
        self.incarnations.restore(id, life)
    }

    /// Adds a user who is restored from a checkpoint to a life that [is](Self::restore).
    ///
    /// # Errors
    /// When the life is not known, cannot have users, or has the user already.
    pub(crate) fn restore_user(
        &mut self,
        life: &IncarnationId,
        sessions: Sessions,
    ) -> Result<(), InvalidEvidence> {
        self.incarnations.restore_user(life, sessions)
    }

    /// Derives from restored evidence, by these rules, what the room keeps beside it.
    pub(crate) fn derive(&mut self, rules: &Rules) {
        self.incarnations.derive(rules);
    }
}

#[cfg(test)]
mod tests;
