//! Rooms as data folders hold them: the evidence, and nothing that follows from it.

use crate::{
    domain::IncarnationId,
    stored::{self, StoredError, ensure},
};

use super::{Room, incarnation::Incarnation};
use crate::reconcile::Rules;

impl Room {
    pub(crate) fn to_stored(&self) -> Vec<stored::Incarnation> {
        let lives = self.incarnations.iter();
        lives.map(|(id, life)| life.to_stored(id)).collect()
    }

    /// The evidence, of which nothing is [derived](Self::derive) yet.
    pub(crate) fn from_stored(lives: Vec<stored::Incarnation>) -> Result<Self, StoredError> {
        ensure(!lives.is_empty(), "Room.incarnations", "are missing")?;
        let mut room = Self::default();
        for life in lives {
            let id = IncarnationId::from(life.incarnation_id.as_str());
            let before = room
                .incarnations
                .insert(id, Box::new(Incarnation::from_stored(life)?));
            let field = "Incarnation.incarnation_id";
            ensure(before.is_none(), field, "is there twice")?;
        }
        Ok(room)
    }

    /// Derives from the evidence what follows from it by these rules.
    pub(crate) fn derive(&mut self, rules: &Rules) {
        let lives = self.incarnations.values_mut();
        lives.for_each(|life| life.derive(rules));
        self.current = self.select(rules).cloned();
    }
}
