//! What a room forgets of its lives, and when.

use std::collections::BTreeSet;

use crate::{
    domain::Time,
    reconcile::{Rule, Rules},
};

use super::{
    incarnation::{Incarnation, Life},
    incarnations::Incarnations,
    users::{FormerUsers, PresenceChange},
};

/// When the room next has something to forget.
pub(super) fn due_at(incarnations: &Incarnations, rules: &Rules) -> Option<Time> {
    let current = incarnations.current_id();
    let lives = incarnations.lives.first_due(current);
    let due_times = lives.flat_map(|(id, life)| {
        let is_current = current == Some(id);
        [life.due_at(is_current, rules), life.users.due_at()]
    });
    due_times.flatten().min()
}

/// Forgets what is due at `now` about the users of all lives. Returns the changes of who is
/// present in the current life.
pub(super) fn forget_users(
    incarnations: &mut Incarnations,
    now: Time,
    rules: &Rules,
) -> Vec<PresenceChange> {
    let current = incarnations.current_id().cloned();
    let is_due = |life: &Incarnation| life.users.due_at().is_some_and(|due_at| due_at <= now);
    let due = incarnations.lives.with_users_due(now);
    let due = due.filter(|(_, life)| is_due(life));
    let due: Vec<_> = due.map(|(id, _)| id.clone()).collect();
    let mut changes = Vec::new();
    for id in due {
        let forget = |life: &mut Incarnation| life.users.forget(now, rules);
        let of_life = incarnations.lives.change(&id, rules, forget);
        if current.as_ref() == Some(&id) {
            changes = of_life.unwrap_or_default();
        }
    }
    changes
}

/// Forgets each life that is due at `now`, and with it the lives that began no later.
/// Otherwise such a life would become visible again, because the callback of its end may be
/// lost. Returns the users of the forgotten lives.
pub(super) fn forget_lives(
    incarnations: &mut Incarnations,
    now: Time,
    rules: &Rules,
) -> Vec<FormerUsers> {
    let current = incarnations.current_id();
    let is_due = |(id, life): &Life<'_>| {
        let due_at = life.due_at(current == Some(*id), rules);
        due_at.is_some_and(|due_at| due_at <= now)
    };
    let lives = &incarnations.lives;
    let due: Vec<_> = lives.due(now, current, rules).filter(is_due).collect();
    let last_start = due.iter().filter_map(|(_, life)| life.start(rules)).max();
    let goes_too = |(id, life): &Life<'_>| {
        let spared = current == Some(*id) && rules.keeps(Rule::TheCurrentLifeStays);
        let start = life.start(rules);
        let known = start.is_some() || !rules.keeps(Rule::UnknownStartsStay);
        !spared && known && start <= last_start && rules.keeps(Rule::EarlierLivesGoToo)
    };
    let earlier = if rules.keeps(Rule::UnknownStartsStay) {
        lives.begun_by(last_start.unwrap_or(Time::MIN))
    } else {
        lives.iter()
    };
    let goes = due.into_iter().chain(earlier.filter(goes_too));
    let goes: BTreeSet<_> = goes.map(|(id, _)| id.clone()).collect();
    let lives = &mut incarnations.lives;
    let gone = goes.iter().filter_map(|id| lives.remove(id, rules));
    gone.filter_map(|mut life| life.users.clear()).collect()
}
