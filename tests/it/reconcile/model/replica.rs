//! A room with what is around it in production: receive times, journal time and
//! ticks, and a watcher whose copy must never differ.

use std::time::Duration;

use headcount::{
    domain::{RoomEvent, Time},
    reconcile::{
        EventOutcome, Member, Rules, digest_of,
        room::{Room, RoomChange, RoomState, RoomSummary},
    },
};

use super::{copy::Copy, events::at};

/// Ticks are at least this far apart.
const TICK_SPAN: Duration = Duration::from_secs(1);

/// All that can be seen of a room.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Visible {
    pub(crate) summary: RoomSummary,
    /// In the order in which they are listed.
    pub(crate) members: Vec<Member>,
    pub(crate) digest: u64,
}

impl Visible {
    /// The state, the incarnation, and the users with their sessions.
    pub(crate) fn who(&self) -> (RoomState, &str, Vec<(&str, &str)>) {
        let incarnation = self.summary.incarnation.as_ref();
        let members = self.members.iter();
        (
            self.summary.state,
            incarnation.map_or("", |id| id.as_str()),
            members
                .map(|member| (member.user().as_str(), member.session().as_str()))
                .collect(),
        )
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Replica {
    pub(crate) room: Room,
    pub(crate) rules: Rules,
    /// Journal time: the greatest receive time so far.
    now: Option<Time>,
    ticked_at: Option<Time>,
    copy: Copy,
    /// Everything that watchers were told.
    pub(crate) told: Vec<RoomChange>,
}

/// A replica that received all events at one time, in the order given. None is stale.
#[track_caller]
pub(crate) fn received_at_once<'a>(
    events: impl IntoIterator<Item = &'a RoomEvent>,
    now: Time,
) -> Replica {
    let mut replica = Replica::default();
    for event in events {
        let applied = replica.receive(event, now);
        assert_ne!(applied, EventOutcome::Stale);
    }
    replica
}

impl Replica {
    pub(crate) fn with_rules(rules: &Rules) -> Self {
        Self {
            rules: rules.clone(),
            ..Self::default()
        }
    }

    /// Receives an event, after the ticks that come before.
    #[track_caller]
    pub(crate) fn receive(
        &mut self,
        event: &RoomEvent,
        received_at: Time,
    ) -> EventOutcome<RoomChange> {
        self.advance_to(received_at);
        let applied = self.apply(event, received_at);
        self.compare();
        applied
    }

    /// Receives all events of one callback. A watcher is told of them together, so the copy
    /// is compared once, after the last: what that takes grows with the room's members.
    #[track_caller]
    pub(crate) fn receive_together(&mut self, events: &[RoomEvent], received_at: Time) {
        self.advance_to(received_at);
        for event in events {
            assert_ne!(self.apply(event, received_at), EventOutcome::Stale);
        }
        self.compare();
    }

    #[track_caller]
    fn apply(&mut self, event: &RoomEvent, received_at: Time) -> EventOutcome<RoomChange> {
        let applied = self.room.apply(event, received_at, &self.rules);
        if let EventOutcome::Applied(changes) = &applied {
            self.watch(changes);
        }
        applied
    }

    /// Receives an event when it happens, or now if that was earlier.
    #[track_caller]
    pub(crate) fn receive_in_time(&mut self, event: &RoomEvent) -> EventOutcome<RoomChange> {
        let event_at = event.kind.at().max(self.now).expect("some time");
        self.receive(event, event_at)
    }

    /// Lets time pass: a tick at most once a second while something is due.
    #[track_caller]
    pub(crate) fn advance_to(&mut self, time: Time) {
        while let Some(due_at) = self.room.due_at(&self.rules) {
            let next_tick = self.ticked_at.map(|at| at.saturating_add(TICK_SPAN));
            let tick_at = due_at.max(next_tick.unwrap_or(due_at));
            let tick_at = tick_at.max(self.now.unwrap_or(tick_at));
            if tick_at > time {
                break;
            }
            self.now = Some(tick_at);
            self.tick(tick_at);
            if tick_at == time {
                break;
            }
        }
        self.now = self.now.max(Some(time));
    }

    #[track_caller]
    pub(crate) fn advance_to_millis(&mut self, millis: i64) {
        self.advance_to(at(millis));
    }

    #[track_caller]
    fn tick(&mut self, now: Time) {
        self.ticked_at = Some(now);
        let changes = self.room.tick(now, &self.rules);
        self.watch(&changes);
        self.compare();
        if self.rules.without.is_none() {
            let due_at = self.room.due_at(&self.rules);
            assert!(
                due_at.is_none_or(|due_at| due_at > now),
                "due at {due_at:?} after a tick at {now:?}"
            );
        }
    }

    /// Tells the watcher. With a rule left out only the answer matters.
    #[track_caller]
    fn watch(&mut self, changes: &[RoomChange]) {
        self.told.extend_from_slice(changes);
        if self.rules.without.is_none() {
            self.copy.fold(changes);
        }
    }

    /// Compares the watcher's copy with the room.
    #[track_caller]
    fn compare(&self) {
        if self.rules.without.is_none() {
            self.copy.assert_matches(&self.visible());
        }
    }

    #[track_caller]
    pub(crate) fn visible(&self) -> Visible {
        let view = self.room.view(&self.rules);
        let members: Vec<_> = view.members.iter().cloned().collect();
        let hashes = members
            .iter()
            .map(|m| digest_of(m.user().as_str(), m.session().as_str()));
        assert_eq!(
            view.members.digest(),
            hashes.fold(0, u64::wrapping_add),
            "the digest is that of the members"
        );
        assert_eq!(view.members.len(), members.len());
        assert!(
            members.is_sorted_by_key(|member| (member.login_at(), member.user())),
            "members are listed by login time and user"
        );
        Visible {
            summary: view.summary,
            members,
            digest: view.members.digest(),
        }
    }
}
