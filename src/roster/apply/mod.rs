//! The only writer of the roster. It follows the journal and applies each entry.

pub(crate) mod by_room;
pub(crate) mod schedule;
mod user_effects;

use std::{
    mem,
    sync::{Arc, atomic::Ordering},
};

use crate::{
    domain::{AppName, Decoded, RoomEvent, RoomId, Time},
    journal::{Callback, ChainPoint, Entry, Follower, Payload, Revision},
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
            EndedLives, UserEffect, UserEffectKind,
            room_end_notifier::{RoomEnd, RoomEndNotifier},
        },
    },
};

use self::{
    schedule::{DueSubject, ForgettingSchedule},
    user_effects::{RoomEffects, UserEffects},
};

/// Applies the journal to a roster, entry by entry. Each roster has one applier, so entries
/// are applied in the order of their revisions.
#[derive(Debug)]
pub struct Applier {
    pub(crate) roster: Arc<Roster>,
    pub(crate) schedule: ForgettingSchedule,
    room_end_notifier: RoomEndNotifier,
    /// Rooms that were forgotten by the entry that is being applied. They leave the table
    /// after it: a reader that no longer finds such a room must see the entry as applied.
    forgotten: Vec<Hold<Room>>,
    /// Whether the entry that is being applied comes after a later event of what it is about.
    is_out_of_order: bool,
}

/// What an entry changes for users, in two parts.
#[derive(Debug, Default)]
struct EffectsOnUsers<'e> {
    /// The visible effects. They are applied to users that are remembered.
    effects: UserEffects<'e>,
    /// The lives of rooms that ended. All of their users have to be notified.
    room_ends: Vec<(AppName, RoomEnd)>,
}

impl Applier {
    pub(crate) fn new(roster: Arc<Roster>) -> Self {
        Self {
            room_end_notifier: RoomEndNotifier::new(Arc::clone(&roster.pending_room_ends)),
            roster,
            schedule: ForgettingSchedule::default(),
            forgotten: Vec::new(),
            is_out_of_order: false,
        }
    }

    /// Publishes how far the journal is applied, and when its last entry was received.
    pub(crate) fn note_applied(&self, revision: Revision, received_at: Time) {
        let roster = &self.roster;
        let due_at = self.schedule.first().map_or(0, Time::as_millis);
        roster.due_at.store(due_at, Ordering::Release);
        roster.progress.advance(revision, received_at);
    }

    fn apply_callback<'e>(
        &mut self,
        position: EntryPosition,
        callback: &'e Callback,
        on_users: &mut EffectsOnUsers<'e>,
    ) {
        let app = &callback.app;
        match &*callback.decoded {
            Decoded::Room(events) => self.apply_room_events(position, app, events, on_users),
            Decoded::User(events) => on_users.effects.push_events(app, events),
            Decoded::Ignored { .. } | Decoded::Undecodable { .. } => {}
        }
    }

    fn apply_room_events(
        &mut self,
        position: EntryPosition,
        app: &AppName,
        events: &[RoomEvent],
        on_users: &mut EffectsOnUsers<'_>,
    ) {
        // All events of one room are applied together, and become visible together.
        for of_one_room in by_room::groups(events) {
            let Some(RoomEvent { room, .. }) = of_one_room.first() else {
                continue;
            };
            let (mut stale, mut is_out_of_order) = (0, false);
            self.change_room(position, app, room, on_users, |room, rules| {
                let mut changes = Vec::new();
                for event in &of_one_room {
                    is_out_of_order |= room.is_out_of_order(event);
                    match room.apply(event, position.at, rules) {
                        // Usually there is one event, and its list is used without a copy.
                        EventOutcome::Applied(applied) if changes.is_empty() => changes = applied,
                        EventOutcome::Applied(applied) => changes.extend(applied),
                        EventOutcome::Stale => stale += 1,
                    }
                }
                changes
            });
            self.is_out_of_order |= is_out_of_order;
            self.roster.metrics.events_stale.inc_by(stale);
        }
    }

    fn tick(&mut self, position: EntryPosition, on_users: &mut EffectsOnUsers<'_>) {
        for (app, subject) in &self.schedule.due(position.at) {
            match subject {
                DueSubject::Room(room) => {
                    let tick = |room: &mut Room, rules: &Rules| room.tick(position.at, rules);
                    self.change_room(position, app, room, on_users, tick);
                }
                DueSubject::User(user) => {
                    on_users
                        .effects
                        .push(app, user.clone(), UserEffectKind::Due)
                }
            }
        }
    }

    /// Counts a callback that was out of order when it was received: those of a replay were counted
    /// by the process that received them.
    fn count_out_of_order(&mut self, payload: &Payload) {
        let is_out_of_order = mem::take(&mut self.is_out_of_order);
        if let Payload::Callback(callback) = payload
            && is_out_of_order
            && !self.roster.progress.is_replaying()
        {
            self.roster.metrics.out_of_order(callback.product).inc();
        }
    }

    /// Changes a room, and collects what that changes for its users. It is called at most once
    /// per entry and room.
    fn change_room(
        &mut self,
        position: EntryPosition,
        name: &AppName,
        id: &RoomId,
        on_users: &mut EffectsOnUsers<'_>,
        change: impl FnOnce(&mut Room, &Rules) -> Vec<RoomChange>,
    ) {
        let roster = Arc::clone(&self.roster);
        // An app is unknown only if the journal was written with another configuration.
        let Some(app) = roster.apps.get(name) else {
            return;
        };
        let (rules, users) = (app.rooms.rules(), &app.users);
        let hold = app.rooms.table().get_or_insert(id);
        let id = hold.id();
        let mut states = (RoomState::Unknown, RoomState::Unknown);
        let mut due_times = (None, None);
        let mut former_users: Vec<FormerUsers> = Vec::new();
        let (history, progress) = (&roster.history, &roster.progress);
        publish(history, progress, &hold, position, |room| {
            (states.0, due_times.0) = (room.state(), room.due_at(rules));
            let changes = change(room, rules);
            former_users = room.take_former_users();
            let ended = EndedLives {
                former_users: &former_users,
                members: room.members(),
            };
            let mut effects = RoomEffects {
                effects: &mut on_users.effects,
                app: name,
                users,
                room: id,
                entering: Vec::new(),
                has_closed: false,
            };
            changes
                .iter()
                .for_each(|change| effects.push(change, &ended));
            (states.1, due_times.1) = (room.state(), room.due_at(rules));
            changes
        });
        if states.0 != states.1 {
            app.rooms.index(id, states.1);
        }
        self.schedule
            .put(name, || DueSubject::Room(id.clone()), due_times);
        let room_ends = former_users.into_iter().map(|former_users| {
            let end = RoomEnd {
                room: id.clone(),
                revision: position.revision,
                former_users,
            };
            (name.clone(), end)
        });
        on_users.room_ends.extend(room_ends);
        if hold.is_vacant() {
            self.forgotten.push(hold);
        }
    }

    /// Changes the users that the entry affects. Only this method does so, and once per entry,
    /// so that all effects on one user become visible together.
    fn apply_to_users(
        &mut self,
        position: EntryPosition,
        on_users: EffectsOnUsers<'_>,
        held: EntryLockHeld<'_>,
    ) {
        let EffectsOnUsers { effects, room_ends } = on_users;
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
        if let Some(outcome) = app.users.apply(effects, position, held) {
            self.is_out_of_order |= outcome.is_out_of_order;
            self.roster.metrics.events_stale.inc_by(outcome.stale);
            self.schedule.put(
                name,
                || DueSubject::User(user.id().into()),
                outcome.due_times,
            );
        }
    }
}

impl Follower for Applier {
    fn known(&self) -> Option<ChainPoint> {
        self.roster.chain.last()
    }

    fn begin_block(&mut self, block: ChainPoint) {
        self.roster.chain.push(block);
    }

    fn caught_up(&mut self) {
        self.roster.progress.end_replay();
    }

    fn apply(&mut self, revision: Revision, entry: &Entry) {
        let roster = Arc::clone(&self.roster);
        let applying = roster.progress.begin_entry();
        let _noted = roster.progress.note_panic();
        let at = entry.received_at;
        let position = EntryPosition { revision, at };
        let mut on_users = EffectsOnUsers::default();
        match &entry.payload {
            Payload::Callback(callback) => self.apply_callback(position, callback, &mut on_users),
            Payload::Tick => {
                roster.progress.set_journal_time(at);
                self.tick(position, &mut on_users);
            }
        }
        self.apply_to_users(position, on_users, applying.held());
        self.count_out_of_order(&entry.payload);
        self.note_applied(revision, at);
        drop(applying);
        self.forgotten.clear();
        roster.trim_if_exceeded();
    }
}
