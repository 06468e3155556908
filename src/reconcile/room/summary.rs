//! What is visible of the current life of a room, without its users.

use std::sync::Arc;

use crate::{
    domain::IncarnationId,
    reconcile::{Rule, Rules},
};

use super::{
    change::{RoomState, RoomSummary},
    evidence::IncarnationEvidence,
    incarnation::Incarnation,
};

/// The summary of a life that has this id.
pub(super) fn summary_of(id: &IncarnationId, life: &Incarnation, rules: &Rules) -> RoomSummary {
    let IncarnationEvidence {
        opened_at,
        creator,
        name,
        last_event_at,
        seqs,
        reported,
        ..
    } = life.evidence();
    let name = name.as_ref().filter(|name| life.is_visible_at(name.at));
    let creator = creator
        .as_ref()
        .filter(|creator| life.is_visible_at(creator.at));
    let close = life.closed();
    let people = if rules.keeps(Rule::AdminsAreNotCounted) {
        life.members().user_count()
    } else {
        life.members().len()
    };
    RoomSummary {
        state: if close.is_some() {
            RoomState::Closed
        } else {
            RoomState::Open
        },
        incarnation: Some(id.clone()),
        name: name.map(|name| Arc::clone(&name.name)),
        creator: creator.map(|creator| creator.user.clone()),
        opened_at: opened_at.filter(|at| life.is_visible_at(Some(*at))),
        closed_at: close.and_then(|close| close.at),
        user_count: people,
        missing_callbacks: seqs.missing(),
        last_event_at: *last_event_at,
        reported_user_count: reported.map_or(0, |claim| claim.users),
    }
}
