//! Selects the current life of a room.

use std::cmp::Ordering;

use crate::{
    domain::{IncarnationId, Time},
    reconcile::{CLOCK_SKEW, Rule, Rules},
};

use super::incarnation::{Incarnation, Life};

/// The times around the end of the latest life that another life is compared with.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockSkew {
    /// A life that replaces the latest began no earlier.
    pub(super) began_by: Time,
    /// A life that replaces the latest, and is not in use, ended later.
    pub(super) outlived: Time,
}

impl ClockSkew {
    pub(super) fn around(end: Time) -> Self {
        Self {
            began_by: end.saturating_sub(CLOCK_SKEW),
            outlived: end.saturating_add(CLOCK_SKEW),
        }
    }
}

/// The life that is visible: the one that started last. If that life is closed or empty,
/// another life replaces it that began shortly before its end or later, and that is in use
/// now or was in use for longer. A life without a start is never visible.
///
/// `lives` are in the order of their ids. Those that cannot be visible may be left out.
pub(super) fn current<'a>(
    lives: impl Iterator<Item = Life<'a>> + Clone,
    rules: &Rules,
) -> Option<&'a IncarnationId> {
    // A vendor either gives every life an id or none. Without ids a room has one life,
    // which is always current.
    if let Some((only, _)) = lives.clone().find(|(id, _)| id.is_empty()) {
        return Some(only);
    }
    let started = || {
        let lives = lives.clone();
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
    let skew = ClockSkew::around(end);
    let next = started().filter(|(id, life)| {
        *id != latest_id
            && life.start(rules) >= Some(skew.began_by)
            && (life.is_in_use() || life.end() > Some(skew.outlived))
    });
    let replacing = next.max_by_key(|(_, life)| (life.is_in_use(), life.start(rules)));
    Some(replacing.map_or(latest_id, |(id, _)| id))
}
