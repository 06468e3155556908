//! The one writer of the roster: follows the journal and applies each entry.

pub(crate) mod schedule;
mod user_effects;

use std::sync::{Arc, atomic::Ordering};

use crate::{
    domain::{AppName, Decoded, RoomEvent, RoomId, Time},
    journal::{Callback, Entry, Follower, Payload, Revision},
    reconcile::{
        EventOutcome, Rules,
        room::{FormerUsers, Room, RoomChange, RoomState},
    },
    roster::{
        Roster,
        entry_position::EntryPosition,
        journal_progress::EntryLockHeld,
        subject::{publish::publish, table::Hold},
        users::{
            Effect, EndedLives, UserEffect,
            room_end_notifier::{RoomEnd, RoomEndNotifier},
        },
    },
};

use self::{
    schedule::{Forgetful, Schedule},
    user_effects::UserEffects,
};

/// Applies the journal to a roster, entry by entry. There is one a roster, so
/// entries are applied in the order of their revisions.
#[derive(Debug)]
pub struct Applier {
    pub(crate) roster: Arc<Roster>,
    pub(crate) schedule: Schedule,
    room_end_notifier: RoomEndNotifier,
    /// Rooms that the present entry made forget everything. They leave the table after
    /// it: whoever finds one gone has to find the entry applied.
    forgotten: Vec<Hold<Room>>,
}

/// What an entry means for users, in its two parts.
#[derive(Debug, Default)]
struct ForUsers<'e> {
    /// What is visible, to users that are remembered.
    effects: UserEffects<'e>,
    /// Lives of rooms that ended, of which all their users are to be notified.
    room_ends: Vec<(AppName, RoomEnd)>,
}

impl Applier {
    pub(crate) fn new(roster: Arc<Roster>) -> Self {
        Self {
            room_end_notifier: RoomEndNotifier::new(Arc::clone(&roster.pending_room_ends)),
            roster,
            schedule: Schedule::default(),
            forgotten: Vec::new(),
        }
    }

    /// Makes it known how far the journal is applied.
    pub(crate) fn note_applied(&self, revision: Revision, journal_time: Time) {
        let roster = &self.roster;
        let due_at = self.schedule.first().map_or(0, Time::as_millis);
        roster.due_at.store(due_at, Ordering::Release);
        roster.progress.advance(revision, journal_time);
    }

    fn apply_callback<'e>(
        &mut self,
        position: EntryPosition,
        callback: &'e Callback,
        for_users: &mut ForUsers<'e>,
    ) {
        let app = &callback.app;
        match &*callback.decoded {
            Decoded::Room(events) => self.apply_room_events(position, app, events, for_users),
            Decoded::User(events) => for_users.effects.push_events(app, events),
            Decoded::Ignored { .. } | Decoded::Undecodable { .. } => {}
        }
    }

    fn apply_room_events(
        &mut self,
        position: EntryPosition,
        app: &AppName,
        events: &[RoomEvent],
        for_users: &mut ForUsers<'_>,
    ) {
        // One room's events are applied, and become visible, together.
        for (first, RoomEvent { room, .. }) in events.iter().enumerate() {
            if events[..first].iter().any(|earlier| earlier.room == *room) {
                continue;
            }
            let of_one_room = events[first..].iter().filter(|event| event.room == *room);
            let mut stale = 0;
            self.change_room(position, app, room, for_users, |room, rules| {
                let mut changes = Vec::new();
                for event in of_one_room {
                    match room.apply(event, position.at, rules) {
                        // There is one event as a rule, and its list is kept as it is.
                        EventOutcome::Applied(joined) if changes.is_empty() => changes = joined,
                        EventOutcome::Applied(joined) => changes.extend(joined),
                        EventOutcome::Stale => stale += 1,
                    }
                }
                changes
            });
            self.roster.metrics.events_stale.inc_by(stale);
        }
    }

    fn tick(&mut self, position: EntryPosition, for_users: &mut ForUsers<'_>) {
        for (app, subject) in &self.schedule.due(position.at) {
            match subject {
                Forgetful::Room(room) => {
                    let tick = |room: &mut Room, rules: &Rules| room.tick(position.at, rules);
                    self.change_room(position, app, room, for_users, tick);
                }
                Forgetful::User(user) => for_users.effects.push(app, user.clone(), Effect::Due),
            }
        }
    }

    /// Changes a room, and collects what that means for its users. At most once
    /// an entry for one room.
    fn change_room(
        &mut self,
        position: EntryPosition,
        name: &AppName,
        id: &RoomId,
        for_users: &mut ForUsers<'_>,
        change: impl FnOnce(&mut Room, &Rules) -> Vec<RoomChange>,
    ) {
        let roster = Arc::clone(&self.roster);
        // Only a journal of another configuration has entries of other apps.
        let Some(app) = roster.apps.get(name) else {
            return;
        };
        let (rules, users) = (app.rooms.rules(), &app.users);
        let hold = app.rooms.table().get_or_insert(id);
        let id = hold.id();
        let mut states = (RoomState::Unknown, RoomState::Unknown);
        let mut dues = (None, None);
        let mut former_users: Vec<FormerUsers> = Vec::new();
        publish(&roster.history, &hold, position, |room| {
            (states.0, dues.0) = (room.state(), room.due_at(rules));
            let changes = change(room, rules);
            former_users = room.take_former_users();
            let ended = EndedLives {
                former_users: &former_users,
                members: room.members(),
            };
            for change in &changes {
                let effects = &mut for_users.effects;
                effects.push_room_change(name, users, id, change, &ended);
            }
            (states.1, dues.1) = (room.state(), room.due_at(rules));
            changes
        });
        if states.0 != states.1 {
            app.rooms.index(id, states.1);
        }
        self.schedule
            .put(name, || Forgetful::Room(id.clone()), dues);
        let room_ends = former_users.into_iter().map(|former_users| {
            let end = RoomEnd {
                room: id.clone(),
                revision: position.revision,
                former_users,
            };
            (name.clone(), end)
        });
        for_users.room_ends.extend(room_ends);
        if hold.is_vacant() {
            self.forgotten.push(hold);
        }
    }

    /// Changes the users that the entry concerns. Nothing else does, and this once an
    /// entry: so all effects on one user become visible together.
    fn apply_to_users(
        &mut self,
        position: EntryPosition,
        for_users: ForUsers<'_>,
        held: EntryLockHeld<'_>,
    ) {
        let ForUsers { effects, room_ends } = for_users;
        let effects = effects.into_sorted();
        for of_one_user in effects.chunk_by(|a, b| a.key() == b.key()) {
            self.apply_to_user(position, of_one_user, held);
        }
        for (app, end) in room_ends {
            if let Some(app) = self.roster.apps.get(&app) {
                self.room_end_notifier.notify(&app.users, end, held);
            }
        }
    }

    fn apply_to_user(
        &mut self,
        position: EntryPosition,
        effects: &[UserEffect<'_>],
        held: EntryLockHeld<'_>,
    ) {
        let Some(UserEffect {
            app: name, user, ..
        }) = effects.first()
        else {
            return;
        };
        let Some(app) = self.roster.apps.get(name) else {
            return;
        };
        if let Some(applied) = app.users.apply(effects, position, held) {
            self.roster.metrics.events_stale.inc_by(applied.stale);
            self.schedule
                .put(name, || Forgetful::User(user.id().into()), applied.dues);
        }
    }
}

impl Follower for Applier {
    fn caught_up(&mut self) {
        self.roster.progress.end_replay();
    }

    fn apply(&mut self, revision: Revision, entry: &Entry) {
        let roster = Arc::clone(&self.roster);
        let applying = roster.progress.begin_entry();
        let journal_time = roster.progress.journal_time().max(entry.received_at);
        let at = match &entry.payload {
            Payload::Callback(_) => entry.received_at,
            Payload::Tick => journal_time,
        };
        let position = EntryPosition { revision, at };
        let mut for_users = ForUsers::default();
        match &entry.payload {
            Payload::Callback(callback) => self.apply_callback(position, callback, &mut for_users),
            Payload::Tick => self.tick(position, &mut for_users),
        }
        self.apply_to_users(position, for_users, applying.held());
        self.note_applied(revision, journal_time);
        drop(applying);
        self.forgotten.clear();
        roster.trim_if_over(journal_time);
    }
}
