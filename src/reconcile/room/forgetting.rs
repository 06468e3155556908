//! What a room forgets of its lives, and when.

use crate::{
    domain::{IncarnationId, Time},
    reconcile::{Rule, Rules},
};

use super::{
    incarnation::Incarnation,
    incarnations::Incarnations,
    users::{FormerUsers, PresenceChange},
};

/// When the room next has something to forget.
pub(super) fn due_at(incarnations: &Incarnations, rules: &Rules) -> Option<Time> {
    let due_times = incarnations.iter().flat_map(|(id, life)| {
        let is_current = incarnations.current_id() == Some(id);
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
    let mut changes = Vec::new();
    for (id, life) in &mut incarnations.by_id {
        let of_life = life.users.forget(now, rules);
        if current.as_ref() == Some(id) {
            changes = of_life;
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
    let current = incarnations.current_id().cloned();
    let is_due = |id: &IncarnationId, life: &Incarnation| {
        let due_at = life.due_at(current.as_ref() == Some(id), rules);
        due_at.is_some_and(|due_at| due_at <= now)
    };
    let due = incarnations.iter().filter(|(id, life)| is_due(id, life));
    let last_start = due.filter_map(|(_, life)| life.start(rules)).max();
    let mut former_users = Vec::new();
    incarnations.by_id.retain(|id, life| {
        let spared = current.as_ref() == Some(id) && rules.keeps(Rule::TheCurrentLifeStays);
        let start = life.start(rules);
        let known = start.is_some() || !rules.keeps(Rule::UnknownStartsStay);
        let earlier = known && start <= last_start && rules.keeps(Rule::EarlierLivesGoToo);
        let stays = !is_due(id, life) && (spared || !earlier);
        if !stays {
            former_users.extend(life.users.clear());
        }
        stays
    });
    former_users
}
