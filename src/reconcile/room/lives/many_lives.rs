//! The lives of a room that has many. Each question about them has an index.

use std::sync::Arc;

use imbl::HashMap;

use crate::{
    domain::{IncarnationId, Time},
    reconcile::{
        Footprint, Rule, Rules, indexing::counted_as_indexed, ordered_index::OrderedIndex,
    },
};

use super::super::{
    incarnation::{Incarnation, Life},
    selection::ClockSkew,
};

/// Many lives. To clone it costs a few reference counts, because a checkpoint clones it while
/// callbacks wait.
#[derive(Clone, Debug, Default)]
pub(in crate::reconcile::room) struct ManyLives {
    /// A life is looked up several times for each event, which an order by id would make the
    /// greatest part of its cost.
    by_id: HashMap<IncarnationId, Arc<Incarnation>>,
    /// By their start, those that are open after those that closed.
    by_rank: Index<(Time, bool)>,
    by_start: Index<Time>,
    in_use_by_start: Index<Time>,
    /// Those whose start is known.
    by_end: Index<Time>,
    by_evidence: Index<Time>,
    by_users_due: Index<Time>,
    /// What the lives take.
    taken: Footprint,
}

type Index<K> = OrderedIndex<K, IncarnationId>;

/// What a life is found by.
#[derive(Clone, Copy)]
struct Keys {
    start: Option<Time>,
    is_open: bool,
    is_in_use: bool,
    end: Option<Time>,
    evidence_at: Time,
    users_due_at: Option<Time>,
    footprint: Footprint,
}

impl Keys {
    fn of((id, life): Life<'_>, rules: &Rules) -> Self {
        Self {
            start: life.start(rules),
            is_open: life.closed().is_none(),
            is_in_use: life.is_in_use(),
            end: life.end(),
            evidence_at: life.evidence().evidence_at,
            users_due_at: life.users().due_at(),
            footprint: life.footprint(id),
        }
    }
}

impl ManyLives {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// What the lives take.
    pub(super) fn footprint(&self) -> Footprint {
        Footprint {
            indexed_lives: counted_as_indexed(self.len()),
            ..self.taken
        }
    }

    /// All lives, in the order of their ids.
    pub(super) fn all(&self) -> Vec<Life<'_>> {
        self.found(self.by_id.keys())
    }

    pub(super) fn into_lives(self) -> impl Iterator<Item = (IncarnationId, Incarnation)> {
        let lives = self.by_id.into_iter();
        lives.map(|(id, life)| (id, Arc::unwrap_or_clone(life)))
    }

    pub(super) fn get(&self, id: &IncarnationId) -> Option<&Incarnation> {
        self.by_id.get(id).map(Arc::as_ref)
    }

    pub(super) fn selectable(&self, rules: &Rules) -> Vec<Life<'_>> {
        if let Some(Rule::LatestStartIsCurrent | Rule::TiesGoToTheGreaterIncarnation) =
            rules.without
        {
            return self.all();
        }
        let unnamed = IncarnationId::from("");
        let unnamed = self.by_id.get_key_value(&unnamed).map(|(id, _)| id);
        let latest = self.by_rank.last().map(|(_, id)| id);
        let in_use = self.in_use_by_start.last().map(|(_, id)| id);
        let end = latest.and_then(|id| self.get(id)?.end());
        let outlasting = end.and_then(|end| self.outlasting(ClockSkew::around(end), rules));
        self.found([unnamed, latest, in_use, outlasting].into_iter().flatten())
    }

    /// The life with the latest start, and the greatest id of several, among those that began
    /// late enough and ended late enough. It is looked for from the latest start, and from the
    /// latest end at the same time: usually one of the two finds an end soon.
    fn outlasting(&self, skew: ClockSkew, rules: &Rules) -> Option<&IncarnationId> {
        let mut by_start = self.by_start.iter().rev();
        let mut by_end = self.by_end.iter().rev();
        let mut best: Option<(Option<Time>, &IncarnationId)> = None;
        loop {
            let (start, id) = by_start.next()?;
            if *start < skew.began_by {
                return None;
            }
            if self.get(id)?.end() > Some(skew.outlived) {
                return Some(id);
            }
            match by_end.next().filter(|(end, _)| *end > skew.outlived) {
                Some((_, id)) => {
                    let start = self.get(id)?.start(rules);
                    best = best.max(Some((start, id)));
                }
                None => return best.map(|(_, id)| id),
            }
        }
    }

    pub(super) fn first_due(&self, current: Option<&IncarnationId>) -> Vec<Life<'_>> {
        // The first two, because one of them can be the current life, which has another time.
        let by_evidence = self.by_evidence.iter().take(2);
        let by_users = self.by_users_due.first();
        let first = by_evidence.chain(by_users).map(|(_, id)| id);
        self.found(first.chain(current))
    }

    pub(super) fn due(
        &self,
        now: Time,
        current: Option<&IncarnationId>,
        rules: &Rules,
    ) -> Vec<Life<'_>> {
        let is_due = |at: Time| at.saturating_add(rules.evidence_span()) <= now;
        let due = self.by_evidence.iter().take_while(|(at, _)| is_due(*at));
        self.found(due.map(|(_, id)| id).chain(current))
    }

    pub(super) fn with_users_due(&self, now: Time) -> Vec<Life<'_>> {
        self.found(self.by_users_due.through(now))
    }

    pub(super) fn begun_by(&self, start: Time) -> Vec<Life<'_>> {
        self.found(self.by_start.through(start))
    }

    /// The lives with these ids, in the order of their ids.
    fn found<'b>(&self, ids: impl Iterator<Item = &'b IncarnationId>) -> Vec<Life<'_>> {
        let lives = ids.filter_map(|id| self.by_id.get_key_value(id));
        let mut lives: Vec<_> = lives.map(|(id, life)| (id, &**life)).collect();
        lives.sort_unstable_by_key(|(id, _)| *id);
        lives.dedup_by_key(|(id, _)| *id);
        lives
    }

    pub(super) fn change<T>(
        &mut self,
        id: &IncarnationId,
        rules: &Rules,
        change: impl FnOnce(&mut Incarnation) -> T,
    ) -> Option<T> {
        // The map's own id, so that all indexes share its allocation.
        let (id, life) = self.by_id.get_key_value_mut(id)?;
        let id = &id.clone();
        let (changed, before, after) = change_life((id, life), rules, change);
        self.put(id, Some(before), Some(after));
        Some(changed)
    }

    pub(super) fn change_or_insert<T>(
        &mut self,
        id: &IncarnationId,
        rules: &Rules,
        new: impl FnOnce() -> Incarnation,
        change: impl FnOnce(&mut Incarnation) -> T,
    ) -> T {
        if let Some((id, life)) = self.by_id.get_key_value_mut(id) {
            let id = &id.clone();
            let (changed, before, after) = change_life((id, life), rules, change);
            self.put(id, Some(before), Some(after));
            return changed;
        }
        let mut life = new();
        let changed = change(&mut life);
        self.insert(id.clone(), life, rules);
        changed
    }

    /// Adds a life that is not known.
    pub(super) fn insert(&mut self, id: IncarnationId, life: Incarnation, rules: &Rules) {
        self.put(&id, None, Some(Keys::of((&id, &life), rules)));
        self.by_id.insert(id, Arc::new(life));
    }

    pub(super) fn remove(&mut self, id: &IncarnationId, rules: &Rules) -> Option<Incarnation> {
        let life = self.by_id.remove(id)?;
        self.put(id, Some(Keys::of((id, &*life), rules)), None);
        Some(Arc::unwrap_or_clone(life))
    }

    fn put(&mut self, id: &IncarnationId, before: Option<Keys>, after: Option<Keys>) {
        let (before, after) = (before.as_ref(), after.as_ref());
        self.taken += after.map(|keys| keys.footprint).unwrap_or_default();
        self.taken -= before.map(|keys| keys.footprint).unwrap_or_default();
        put(&mut self.by_rank, id, (before, after), |it| {
            Some((it.start?, it.is_open))
        });
        put(&mut self.by_start, id, (before, after), |it| it.start);
        put(&mut self.in_use_by_start, id, (before, after), |it| {
            it.start.filter(|_| it.is_in_use)
        });
        put(&mut self.by_end, id, (before, after), |it| {
            it.end.filter(|_| it.start.is_some())
        });
        put(&mut self.by_evidence, id, (before, after), |it| {
            Some(it.evidence_at)
        });
        put(&mut self.by_users_due, id, (before, after), |it| {
            it.users_due_at
        });
    }
}

/// Changes a life. Also returns what it is found by before and after.
fn change_life<T>(
    (id, life): (&IncarnationId, &mut Arc<Incarnation>),
    rules: &Rules,
    change: impl FnOnce(&mut Incarnation) -> T,
) -> (T, Keys, Keys) {
    let life = Arc::make_mut(life);
    let before = Keys::of((id, &*life), rules);
    let changed = change(life);
    (changed, before, Keys::of((id, &*life), rules))
}

fn put<K: Ord + Clone>(
    index: &mut Index<K>,
    id: &IncarnationId,
    (before, after): (Option<&Keys>, Option<&Keys>),
    key: impl Fn(&Keys) -> Option<K>,
) {
    index.put(id, before.and_then(&key), after.and_then(&key));
}
