//! Selects the current life of a room.

use std::{cmp::Ordering, collections::BTreeMap};

use crate::{
    domain::IncarnationId,
    reconcile::{CLOCK_SKEW, Rule, Rules},
};

use super::incarnation::Incarnation;

/// The life that is visible: the one that started last. If that life is closed or empty,
/// another life replaces it that began shortly before its end or later, and that is in use
/// now or was in use for longer. A life without a start is never visible.
pub(super) fn current<'a>(
    lives: &'a BTreeMap<IncarnationId, Box<Incarnation>>,
    rules: &Rules,
) -> Option<&'a IncarnationId> {
    // A vendor either gives every life an id or none. Without ids a room has one life,
    // which is always current.
    if let Some((only, _)) = lives.iter().find(|(id, _)| id.is_empty()) {
        return Some(only);
    }
    let started = || {
        let lives = lives.iter().map(|(id, life)| (id, &**life));
        lives.filter(|(_, life)| life.start(rules).is_some())
    };
    let ties = rules.keeps(Rule::TiesGoToTheGreaterIncarnation);
    let (latest_id, latest) = started().reduce(|best, next| {
        let rank = |(_, life): (&IncarnationId, &Incarnation)| {
            (life.start(rules), life.closed().is_none())
        };
        // The lives come in the order of their ids, so of two with equal ranks the next has
        // the greater id.
        let wins = match rank(next).cmp(&rank(best)) {
            _ if !rules.keeps(Rule::LatestStartIsCurrent) => false,
            Ordering::Equal => ties,
            order => order.is_gt(),
        };
        if wins { next } else { best }
    })?;
    let over = latest.closed().is_some() || latest.members().is_empty();
    let Some(end) = latest
        .end()
        .filter(|_| over && rules.keeps(Rule::ClockSkewIsForgiven))
    else {
        return Some(latest_id);
    };
    let began_by = Some(end.saturating_sub(CLOCK_SKEW));
    let outlived = Some(end.saturating_add(CLOCK_SKEW));
    let is_in_use = |life: &Incarnation| life.closed().is_none() && !life.members().is_empty();
    let next = started().filter(|(id, life)| {
        *id != latest_id
            && life.start(rules) >= began_by
            && (is_in_use(life) || life.end() > outlived)
    });
    let replacing = next.max_by_key(|(_, life)| (is_in_use(life), life.start(rules)));
    Some(replacing.map_or(latest_id, |(id, _)| id))
}
