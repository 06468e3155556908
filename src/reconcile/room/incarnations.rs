//! The lives of one room, and which of them is current.

use std::collections::BTreeMap;

use crate::{
    domain::{IncarnationId, Time},
    reconcile::{InvalidEvidence, Rules},
};

use super::{
    change::{RoomState, RoomSummary},
    incarnation::Incarnation,
    members::Members,
    selection,
    summary::summary_of,
};

/// All lives of a room that are remembered.
#[derive(Clone, Debug, Default)]
pub(super) struct Incarnations {
    // Boxed, because a node of the map reserves space for eleven values, and few rooms have
    // more than one life.
    pub(super) by_id: BTreeMap<IncarnationId, Box<Incarnation>>,
    /// The life that is visible. It follows from the lives. It is kept because a change of it
    /// has to be detected.
    current: Option<IncarnationId>,
}

impl Incarnations {
    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&IncarnationId, &Incarnation)> {
        self.by_id.iter().map(|(id, life)| (id, &**life))
    }

    pub(super) fn get(&self, id: &IncarnationId) -> Option<&Incarnation> {
        self.by_id.get(id).map(Box::as_ref)
    }

    pub(super) fn get_mut(&mut self, id: &IncarnationId) -> Option<&mut Incarnation> {
        self.by_id.get_mut(id).map(Box::as_mut)
    }

    /// The life with this id. It is created if it is not known.
    pub(super) fn get_or_insert(
        &mut self,
        id: &IncarnationId,
        evidence_at: Time,
    ) -> &mut Incarnation {
        let life = self.by_id.entry(id.clone());
        life.or_insert_with(|| Box::new(Incarnation::new(id, evidence_at)))
    }

    /// Adds a life that is restored from a checkpoint.
    pub(super) fn restore(
        &mut self,
        id: IncarnationId,
        life: Incarnation,
    ) -> Result<(), InvalidEvidence> {
        let before = self.by_id.insert(id, Box::new(life));
        before.map_or(Ok(()), |_| Err(InvalidEvidence::DuplicateIncarnation))
    }

    /// Derives from the evidence, by these rules, what the lives keep beside it.
    pub(super) fn derive(&mut self, rules: &Rules) {
        self.by_id.values_mut().for_each(|life| life.derive(rules));
        self.reselect(rules);
    }

    /// Selects the current life again, from what is known now.
    pub(super) fn reselect(&mut self, rules: &Rules) {
        self.current = selection::current(&self.by_id, rules).cloned();
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
