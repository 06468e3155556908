//! Computes the visible changes of an event by comparing a room before and after it.

use std::sync::Arc;

use crate::{
    domain::{CloseReason, LeaveReason},
    reconcile::{Member, Rules},
};

use super::{
    change::{RoomChange, RoomState, RoomSummary},
    incarnation::{Incarnation, PresenceEffect},
    incarnations::Incarnations,
    members::Members,
    summary::summary_of,
    users::PresenceChange,
};

/// The changes that a watcher needs whose copy of the room is `before`.
pub(super) fn changes_since(
    incarnations: &Incarnations,
    before: &RoomSummary,
    effect: PresenceEffect,
    rules: &Rules,
) -> Vec<RoomChange> {
    let after = incarnations.summary(rules);
    if before.incarnation != after.incarnation {
        return switch(incarnations, before, after, rules);
    }
    match (before.state, after.state) {
        (RoomState::Unknown, _) => Vec::new(),
        (RoomState::Open, RoomState::Closed) => vec![closed(incarnations, after)],
        (RoomState::Closed, RoomState::Open) => opened(incarnations, &after),
        (RoomState::Open, RoomState::Open) if is_restart(incarnations, &effect) => {
            restarted(incarnations, before, &after)
        }
        _ => {
            let updated = after.differs_from(before);
            let mut changes = Vec::new();
            changes.extend(updated.then(|| RoomChange::RoomUpdated(Arc::new(after))));
            match effect {
                PresenceEffect::User(user) => changes.extend(user_change(user)),
                PresenceEffect::Ended(ended) => changes.extend(left(incarnations, ended)),
                PresenceEffect::Emptied | PresenceEffect::None => {}
            }
            changes
        }
    }
}

/// Whether an unnamed life closed and opened again, so that no more members stay than leave. If
/// more stay, the close came late, and only who left is told: a watcher of a large room would
/// otherwise be sent all who stay.
fn is_restart(incarnations: &Incarnations, effect: &PresenceEffect) -> bool {
    let staying = incarnations.members().map_or(0, Members::len);
    matches!(effect, PresenceEffect::Ended(ended) if ended.len() >= staying)
}

/// The members whose logins a late close ended.
fn left(
    incarnations: &Incarnations,
    ended: Vec<(Member, Option<Member>)>,
) -> impl Iterator<Item = RoomChange> {
    let close = incarnations.current().and_then(Incarnation::last_close);
    let left = (LeaveReason::RoomClosed, close.and_then(|close| close.at));
    let changes = ended
        .into_iter()
        .map(move |(before, after)| PresenceChange {
            before: Some(before),
            after,
            left: Some(left),
        });
    changes.filter_map(user_change)
}

/// Another life became the current one: the old life ends and the new one begins.
fn switch(
    incarnations: &Incarnations,
    before: &RoomSummary,
    after: RoomSummary,
    rules: &Rules,
) -> Vec<RoomChange> {
    let mut changes = Vec::new();
    if before.state == RoomState::Open {
        let (room, reason) = if after.state == RoomState::Unknown {
            (before.clone(), CloseReason::Unknown)
        } else {
            (
                superseded(incarnations, before, rules),
                CloseReason::Superseded,
            )
        };
        let room = Arc::new(RoomSummary {
            state: RoomState::Closed,
            user_count: 0,
            ..room
        });
        changes.push(RoomChange::RoomClosed { room, reason });
    }
    if after.state == RoomState::Unknown {
        return changes;
    }
    let is_closed = after.state == RoomState::Closed;
    changes.extend(opened(incarnations, &after));
    changes.extend(is_closed.then(|| closed(incarnations, after)));
    changes
}

/// A life begins, and its members join.
fn opened(incarnations: &Incarnations, after: &RoomSummary) -> Vec<RoomChange> {
    let opened = RoomChange::RoomOpened(Arc::new(RoomSummary {
        state: RoomState::Open,
        closed_at: None,
        user_count: 0,
        ..after.clone()
    }));
    let members = incarnations.members().into_iter().flat_map(Members::iter);
    let joined = members.map(|member| RoomChange::UserJoined(member.clone()));
    std::iter::once(opened).chain(joined).collect()
}

/// An unnamed life closed and opened again. The members who logged in after the close stay.
fn restarted(
    incarnations: &Incarnations,
    before: &RoomSummary,
    after: &RoomSummary,
) -> Vec<RoomChange> {
    let close = incarnations.current().and_then(Incarnation::last_close);
    let room = Arc::new(RoomSummary {
        state: RoomState::Closed,
        closed_at: close.and_then(|close| close.at),
        user_count: 0,
        ..before.clone()
    });
    let reason = close.map_or(CloseReason::Unknown, |close| close.reason);
    let mut changes = vec![RoomChange::RoomClosed { room, reason }];
    changes.extend(opened(incarnations, after));
    changes
}

/// The life that was current before, as it is known now.
fn superseded(incarnations: &Incarnations, before: &RoomSummary, rules: &Rules) -> RoomSummary {
    let id = before.incarnation.as_ref();
    let life = id.and_then(|id| Some((id, incarnations.get(id)?)));
    life.map_or_else(|| before.clone(), |(id, life)| summary_of(id, life, rules))
}

fn closed(incarnations: &Incarnations, after: RoomSummary) -> RoomChange {
    let close = incarnations.current().and_then(Incarnation::closed);
    RoomChange::RoomClosed {
        room: Arc::new(after),
        reason: close.map_or(CloseReason::Unknown, |close| close.reason),
    }
}

pub(super) fn user_change(change: PresenceChange) -> Option<RoomChange> {
    match (change.before, change.after) {
        (None, None) => None,
        (None, Some(member)) => Some(RoomChange::UserJoined(member)),
        (Some(member), None) => {
            let (reason, at) = change.left.unwrap_or((LeaveReason::Unknown, None));
            Some(RoomChange::UserLeft { member, reason, at })
        }
        (Some(before), Some(after)) => (before != after).then_some(RoomChange::UserUpdated(after)),
    }
}
