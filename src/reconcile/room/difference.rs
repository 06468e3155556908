//! What an event changes visibly, found by comparing before and after.

use std::sync::Arc;

use crate::{
    domain::{CloseReason, IncarnationId, LeaveReason},
    reconcile::{
        Rule, Rules,
        room::{
            Members, Room, RoomChange, RoomState, RoomSummary,
            incarnation::{Effect, Incarnation},
            users::UserChange,
        },
    },
};

impl Room {
    /// What a watcher is to be told, who last knew the room as `before`.
    pub(super) fn changes_since(
        &self,
        before: &RoomSummary,
        effect: Effect,
        rules: &Rules,
    ) -> Vec<RoomChange> {
        let after = self.summary(rules);
        if before.incarnation != after.incarnation {
            return self.switch(before, after, rules);
        }
        match (before.state, after.state) {
            (RoomState::Unknown, _) => Vec::new(),
            (RoomState::Open, RoomState::Closed) => vec![self.closed(after)],
            (RoomState::Closed, RoomState::Open) => self.opened(&after),
            // Closed and opened again, in one: some are in the later part of it.
            (RoomState::Open, RoomState::Open) if matches!(effect, Effect::Emptied) => {
                self.restarted(before, &after)
            }
            _ => {
                let updated = after.differs_from(before);
                let updated = updated.then(|| RoomChange::RoomUpdated(Arc::new(after)));
                let user = match effect {
                    Effect::User(user) => user_change(user),
                    Effect::Emptied | Effect::None => None,
                };
                updated.into_iter().chain(user).collect()
            }
        }
    }

    /// The visible life is another: the old one ends, the new one begins.
    fn switch(&self, before: &RoomSummary, after: RoomSummary, rules: &Rules) -> Vec<RoomChange> {
        let mut changes = Vec::new();
        if before.state == RoomState::Open {
            let (room, reason) = if after.state == RoomState::Unknown {
                (before.clone(), CloseReason::Unknown)
            } else {
                (self.superseded(before, rules), CloseReason::Superseded)
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
        changes.extend(self.opened(&after));
        changes.extend(is_closed.then(|| self.closed(after)));
        changes
    }

    /// A life begins, with those who are in it.
    fn opened(&self, after: &RoomSummary) -> Vec<RoomChange> {
        let opened = RoomChange::RoomOpened(Arc::new(RoomSummary {
            state: RoomState::Open,
            closed_at: None,
            user_count: 0,
            ..after.clone()
        }));
        let members = self.members().into_iter().flat_map(Members::iter);
        let joined = members.map(|member| RoomChange::UserJoined(member.clone()));
        std::iter::once(opened).chain(joined).collect()
    }

    /// The only life of a room closed before some of it that is known.
    fn restarted(&self, before: &RoomSummary, after: &RoomSummary) -> Vec<RoomChange> {
        let close = self.current_life().and_then(Incarnation::last_close);
        let room = Arc::new(RoomSummary {
            state: RoomState::Closed,
            closed_at: close.and_then(|close| close.at),
            user_count: 0,
            ..before.clone()
        });
        let reason = close.map_or(CloseReason::Unknown, |close| close.reason);
        let mut changes = vec![RoomChange::RoomClosed { room, reason }];
        changes.extend(self.opened(after));
        changes
    }

    /// The life that was visible before, as it is known now.
    fn superseded(&self, before: &RoomSummary, rules: &Rules) -> RoomSummary {
        let id = before.incarnation.as_ref();
        let life = id.and_then(|id| Some((id, self.incarnations.get(id)?)));
        life.map_or_else(|| before.clone(), |(id, life)| summary_of(id, life, rules))
    }

    fn closed(&self, after: RoomSummary) -> RoomChange {
        let close = self.current_life().and_then(Incarnation::closed);
        RoomChange::RoomClosed {
            room: Arc::new(after),
            reason: close.map_or(CloseReason::Unknown, |close| close.reason),
        }
    }
}

pub(super) fn user_change(change: UserChange) -> Option<RoomChange> {
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

pub(super) fn summary_of(id: &IncarnationId, life: &Incarnation, rules: &Rules) -> RoomSummary {
    let close = life.closed();
    let people = if rules.keeps(Rule::AdminsAreNotCounted) {
        life.users.members().user_count()
    } else {
        life.users.members().len()
    };
    RoomSummary {
        state: if close.is_some() {
            RoomState::Closed
        } else {
            RoomState::Open
        },
        incarnation: Some(id.clone()),
        name: life.name().cloned(),
        creator: life.creator().cloned(),
        opened_at: life.opened_at(),
        closed_at: close.and_then(|close| close.at),
        user_count: people,
        missing_callbacks: life.seqs.missing(),
        last_event_at: life.last_event_at,
        reported_user_count: life.reported_user_count(),
    }
}
