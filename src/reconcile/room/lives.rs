//! The lives of a room. A few are looked at one by one. Many are indexed, so that an event costs
//! no more than the logarithm of their number.
//!
//! The rules do not depend on the form. They are given candidates: at least the lives that matter,
//! and all lives if these are few.

mod many_lives;

use std::{
    collections::{BTreeMap, btree_map},
    mem, vec,
};

use crate::{
    domain::{IncarnationId, Time},
    reconcile::{Footprint, Rules, indexing::should_index},
};

use self::many_lives::ManyLives;

use super::incarnation::{Incarnation, Life};

/// The lives of a room.
#[derive(Clone, Debug)]
pub(super) enum Lives {
    // Boxed, because a node of the map reserves space for eleven values, and few rooms have
    // more than one life.
    Few(BTreeMap<IncarnationId, Box<Incarnation>>),
    Many(Box<ManyLives>),
}

/// Lives that a rule looks at, in the order of their ids.
#[derive(Clone, Debug)]
pub(super) enum Candidates<'a> {
    All(btree_map::Iter<'a, IncarnationId, Box<Incarnation>>),
    Found(vec::IntoIter<Life<'a>>),
}

impl Default for Lives {
    fn default() -> Self {
        Self::Few(BTreeMap::new())
    }
}

impl<'a> Iterator for Candidates<'a> {
    type Item = Life<'a>;

    fn next(&mut self) -> Option<Life<'a>> {
        match self {
            Self::All(few) => few.next().map(|(id, life)| (id, &**life)),
            Self::Found(many) => many.next(),
        }
    }
}

impl Lives {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(many) => many.len(),
        }
    }

    /// What all lives take.
    pub(super) fn footprint(&self) -> Footprint {
        match self {
            Self::Few(few) => few.iter().map(|(id, life)| life.footprint(id)).sum(),
            Self::Many(many) => many.footprint(),
        }
    }

    /// All lives.
    pub(super) fn iter(&self) -> Candidates<'_> {
        self.candidates(ManyLives::all)
    }

    pub(super) fn get(&self, id: &IncarnationId) -> Option<&Incarnation> {
        match self {
            Self::Few(few) => few.get(id).map(Box::as_ref),
            Self::Many(many) => many.get(id),
        }
    }

    /// The lives of which one is to be the current one.
    pub(super) fn selectable(&self, rules: &Rules) -> Candidates<'_> {
        self.candidates(|many| many.selectable(rules))
    }

    /// The lives of which one is the first to have something to forget.
    pub(super) fn first_due(&self, current: Option<&IncarnationId>) -> Candidates<'_> {
        self.candidates(|many| many.first_due(current))
    }

    /// The lives that can be due at `now`.
    pub(super) fn due(
        &self,
        now: Time,
        current: Option<&IncarnationId>,
        rules: &Rules,
    ) -> Candidates<'_> {
        self.candidates(|many| many.due(now, current, rules))
    }

    /// The lives of which users can be due at `now`.
    pub(super) fn with_users_due(&self, now: Time) -> Candidates<'_> {
        self.candidates(|many| many.with_users_due(now))
    }

    /// The lives that can have begun by `start`.
    pub(super) fn begun_by(&self, start: Time) -> Candidates<'_> {
        self.candidates(|many| many.begun_by(start))
    }

    fn candidates<'a>(&'a self, of: impl FnOnce(&'a ManyLives) -> Vec<Life<'a>>) -> Candidates<'a> {
        match self {
            Self::Few(few) => Candidates::All(few.iter()),
            Self::Many(many) => Candidates::Found(of(many).into_iter()),
        }
    }

    /// Changes a life, if it is known.
    pub(super) fn change<T>(
        &mut self,
        id: &IncarnationId,
        rules: &Rules,
        change: impl FnOnce(&mut Incarnation) -> T,
    ) -> Option<T> {
        match self {
            Self::Few(few) => few.get_mut(id).map(|life| change(life)),
            Self::Many(many) => many.change(id, rules, change),
        }
    }

    /// Changes all lives.
    pub(super) fn change_all(&mut self, rules: &Rules, change: impl FnMut(&mut Incarnation)) {
        self.list();
        if let Self::Few(few) = self {
            few.values_mut().map(Box::as_mut).for_each(change);
        }
        self.settle(rules);
    }

    /// Changes the life with this id. `new` makes it if it is not known.
    pub(super) fn change_or_insert<T>(
        &mut self,
        id: &IncarnationId,
        rules: &Rules,
        new: impl FnOnce() -> Incarnation,
        change: impl FnOnce(&mut Incarnation) -> T,
    ) -> T {
        let changed = match self {
            Self::Few(few) => {
                let life = few.entry(id.clone());
                change(life.or_insert_with(|| Box::new(new())))
            }
            Self::Many(many) => many.change_or_insert(id, rules, new, change),
        };
        self.settle(rules);
        changed
    }

    /// Adds a life that is restored from a checkpoint. Returns the life that had its id, if
    /// any. The lives are not indexed until [all are changed](Self::change_all), because what
    /// follows from them is not derived yet.
    pub(super) fn restore(&mut self, id: IncarnationId, life: Incarnation) -> Option<Incarnation> {
        self.list();
        match self {
            Self::Few(few) => few.insert(id, Box::new(life)).map(|life| *life),
            Self::Many(_) => None,
        }
    }

    /// A life that was [restored](Self::restore), to add to it what belongs to it.
    pub(super) fn restored(&mut self, id: &IncarnationId) -> Option<&mut Incarnation> {
        match self {
            Self::Few(few) => few.get_mut(id).map(Box::as_mut),
            Self::Many(_) => None,
        }
    }

    /// Removes a life.
    pub(super) fn remove(&mut self, id: &IncarnationId, rules: &Rules) -> Option<Incarnation> {
        let removed = match self {
            Self::Few(few) => few.remove(id).map(|life| *life),
            Self::Many(many) => many.remove(id, rules),
        };
        self.settle(rules);
        removed
    }

    /// Changes to the form that suits the number of lives.
    fn settle(&mut self, rules: &Rules) {
        let is_indexed = matches!(self, Self::Many(_));
        match should_index(self.len(), is_indexed) {
            true => self.index(rules),
            false => self.list(),
        }
    }

    /// Indexes the lives, by what follows from them under these rules.
    pub(super) fn index(&mut self, rules: &Rules) {
        if let Self::Few(few) = self {
            let mut many = ManyLives::default();
            for (id, life) in mem::take(few) {
                many.insert(id, *life, rules);
            }
            *self = Self::Many(Box::new(many));
        }
    }

    /// Lists the lives without an index.
    pub(super) fn list(&mut self) {
        if let Self::Many(many) = self {
            let lives = mem::take(&mut **many).into_lives();
            *self = Self::Few(lives.map(|(id, life)| (id, Box::new(life))).collect());
        }
    }
}
