//! The one writer of the roster: follows the journal and applies each entry.

use std::sync::{Arc, atomic::Ordering};

use crate::{
    event::{AppName, RoomEvent, RoomId, Time},
    journal::{Entry, Follower, Payload, Revision},
    room::{Applied, Room, RoomChange, Rules},
    roster::{Roster, reaper::Reaper, schedule::Schedule, table::CellState},
    vendor::Decoded,
};

/// Applies the journal to a roster, entry by entry. There is one a roster, so
/// entries are applied in the order of their revisions.
#[derive(Debug)]
pub struct Applier {
    roster: Arc<Roster>,
    schedule: Schedule,
    /// The greatest receive time applied so far: the clock of forgetting, which
    /// is the same for whoever reads the same journal.
    journal_time: Time,
    reaper: Reaper,
}

/// Where a room is, and what is being applied to it.
struct Target<'a> {
    app: &'a AppName,
    room: &'a RoomId,
    revision: Revision,
    at: Time,
}

impl Applier {
    pub(super) fn new(roster: Arc<Roster>) -> Self {
        Self {
            roster,
            schedule: Schedule::default(),
            journal_time: Time::MIN,
            reaper: Reaper::default(),
        }
    }

    fn apply_events(&mut self, app: &AppName, events: &[RoomEvent], revision: Revision, at: Time) {
        // One room's events are applied, and become visible, together.
        for (first, RoomEvent { room, .. }) in events.iter().enumerate() {
            if events[..first].iter().any(|earlier| earlier.room == *room) {
                continue;
            }
            let of_one_room = events[first..].iter().filter(|event| event.room == *room);
            let target = Target {
                app,
                room,
                revision,
                at,
            };
            let stale = self.change(&target, |room, rules| {
                let mut changes = Vec::new();
                let mut stale = 0;
                for event in of_one_room {
                    match room.apply(event, at, rules) {
                        Applied::Joined(changed) => changes.extend(changed),
                        Applied::Stale => stale += 1,
                    }
                }
                (changes, stale)
            });
            self.roster.metrics.events_stale.inc_by(stale);
        }
    }

    fn tick(&mut self, revision: Revision) {
        let now = self.journal_time;
        for (app, room) in &self.schedule.due(now) {
            let target = Target {
                app,
                room,
                revision,
                at: now,
            };
            self.change(&target, |room, rules| (room.tick(now, rules), ()));
        }
    }

    /// Changes a room and publishes the change: one step, under its lock.
    fn change<T: Default>(
        &mut self,
        target: &Target<'_>,
        change: impl FnOnce(&mut Room, &Rules) -> (Vec<RoomChange>, T),
    ) -> T {
        let Target {
            app,
            room,
            revision,
            at,
        } = *target;
        let Self {
            roster,
            schedule,
            reaper,
            ..
        } = self;
        // Only a journal of another configuration has entries of other apps.
        let Some(rooms) = roster.apps.get(app) else {
            return T::default();
        };
        let rules = &roster.rules;
        let hold = rooms.table.get_or_insert(room);
        let cell = hold.cell();

        let mut state = cell.state.lock();
        let CellState { subject, feed } = &mut *state;
        let (was_visible, due_before) = (subject.state(), subject.due_at(rules));
        let (changes, returned) = change(subject, rules);
        let due_after = subject.due_at(rules);
        let is_changed = !changes.is_empty();
        let is_first = is_changed && feed.oldest().is_none();
        feed.publish(revision, changes, at, &roster.limits.feed);
        let is_visible = subject.state();
        let remains = subject.take_remains();
        hold.note_vacancy(&state, revision);
        drop(state);
        reaper.take(remains);

        schedule.put(app, room, due_before, due_after);
        if is_visible != was_visible {
            rooms.index(room, is_visible);
        }
        if is_changed {
            cell.changed.notify_waiters();
        }
        if is_first {
            roster.history.remember(cell, revision);
        }
        returned
    }
}

impl Follower for Applier {
    fn apply(&mut self, revision: Revision, entry: &Entry) {
        let at = entry.received_at;
        self.journal_time = self.journal_time.max(at);
        match &entry.payload {
            Payload::Callback(callback) => {
                if let Decoded::Room(events) = &*callback.decoded {
                    self.apply_events(&callback.app, events, revision, at);
                }
            }
            Payload::Tick => self.tick(revision),
        }
        let due_at = self.schedule.first().map_or(0, Time::as_millis);
        self.roster.due_at.store(due_at, Ordering::Release);
        self.roster.applied.advance(revision);
        if self.roster.history.is_over(&self.roster.limits) {
            self.roster.trim_history(self.journal_time);
        }
    }
}
