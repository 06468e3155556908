//! The lives of one room, and which of them is current.

use crate::{
    domain::{IncarnationId, Time},
    reconcile::{InvalidEvidence, Rules, sessions::Sessions},
};

use super::{
    change::{RoomState, RoomSummary},
    incarnation::Incarnation,
    lives::Lives,
    members::Members,
    selection,
    summary::summary_of,
};

/// All lives of a room that are remembered.
#[derive(Clone, Debug, Default)]
pub(super) struct Incarnations {
    pub(super) lives: Lives,
    /// The life that is visible. It follows from the lives. It is kept because a change of it
    /// has to be detected.
    current: Option<IncarnationId>,
}

impl Incarnations {
    pub(super) fn get(&self, id: &IncarnationId) -> Option<&Incarnation> {
        self.lives.get(id)
    }

    /// Changes the life with this id. It is created if it is not known.
    pub(super) fn change_or_insert<T>(
        &mut self,
        id: &IncarnationId,
        evidence_at: Time,
        rules: &Rules,
        change: impl FnOnce(&mut Incarnation) -> T,
    ) -> T {
        let new = || Incarnation::new(id, evidence_at);
        self.lives.change_or_insert(id, rules, new, change)
    }

    /// Adds a life that is restored from a checkpoint.
    pub(super) fn restore(
        &mut self,
        id: IncarnationId,
        life: Incarnation,
    ) -> Result<(), InvalidEvidence> {
        let before = self.lives.restore(id, life);
        before.map_or(Ok(()), |_| Err(InvalidEvidence::DuplicateIncarnation))
    }

    /// Adds a user who is restored from a checkpoint to a life that is.
    pub(super) fn restore_user(
        &mut self,
        id: &IncarnationId,
        sessions: Sessions,
    ) -> Result<(), InvalidEvidence> {
        let life = self.lives.restored(id);
        let life = life.ok_or(InvalidEvidence::UnknownIncarnation)?;
        life.restore_user(sessions)
    }

    /// Derives from the evidence, by these rules, what the lives keep beside it.
    pub(super) fn derive(&mut self, rules: &Rules) {
        self.lives.change_all(rules, |life| life.derive(rules));
        self.reselect(rules);
    }

    /// Selects the current life again, from what is known now.
    pub(super) fn reselect(&mut self, rules: &Rules) {
        self.current = selection::current(self.lives.selectable(rules), rules).cloned();
    }

    pub(super) fn current_id(&self) -> Option<&IncarnationId> {
        self.current.as_ref()
    }

    pub(super) fn current(&self) -> Option<&Incarnation> {
        self.get(self.current.as_ref()?)
    }

    /// The members of the current life.
    pub(super) fn members(&self) -> Option<&Members> {
        Some(self.current()?.members())
    }

    /// What is visible of the room, without its users.
    pub(super) fn summary(&self, rules: &Rules) -> RoomSummary {
        match (&self.current, self.current()) {
            (Some(id), Some(life)) => summary_of(id, life, rules),
            _ => RoomSummary::default(),
        }
    }

    /// Whether the room is open.
    pub(super) fn state(&self) -> RoomState {
        match self.current().map(Incarnation::closed) {
            None => RoomState::Unknown,
            Some(None) => RoomState::Open,
            Some(Some(_)) => RoomState::Closed,
        }
    }
}
