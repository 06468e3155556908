//! The one writer of the roster: follows the journal and applies each entry.

pub(in crate::roster) mod schedule;
pub(in crate::roster) mod user_effects;

use std::{
    mem,
    sync::{Arc, Weak, atomic::Ordering},
};

use crate::{
    domain::{AppName, RoomEvent, RoomId, Time},
    journal::{Callback, Entry, Follower, Payload, Revision},
    providers::Decoded,
    reconcile::user,
    reconcile::{
        Rules,
        room::{Applied, Remains, Room, RoomChange, RoomState},
    },
    roster::{
        Roster,
        subject::table::{CellState, Hold, Subject},
        users::room_end_notifier::{End, RoomEndNotifier},
    },
};

use self::{
    schedule::{Forgetful, Schedule},
    user_effects::{Item, News, UserEffects},
};

/// Applies the journal to a roster, entry by entry. There is one a roster, so
/// entries are applied in the order of their revisions.
#[derive(Debug)]
pub struct Applier {
    pub(in crate::roster) roster: Arc<Roster>,
    /// For the room_end_notifier, which is not to keep the roster.
    this: Weak<Roster>,
    pub(in crate::roster) schedule: Schedule,
    /// The greatest receive time applied so far: the clock of forgetting, which
    /// is the same for whoever reads the same journal.
    pub(in crate::roster) journal_time: Time,
    room_end_notifier: RoomEndNotifier,
    /// Rooms that the entry which is being applied made forget all. They leave with
    /// it: who finds one gone must find the entry applied.
    forgotten: Vec<Hold<Room>>,
}

/// The entry that is being applied.
#[derive(Clone, Copy)]
struct EntryPosition {
    revision: Revision,
    at: Time,
}

impl Applier {
    pub(in crate::roster) fn new(roster: Arc<Roster>) -> Self {
        Self {
            this: Arc::downgrade(&roster),
            roster,
            schedule: Schedule::default(),
            journal_time: Time::MIN,
            room_end_notifier: RoomEndNotifier::default(),
            forgotten: Vec::new(),
        }
    }

    /// Makes it known how far the journal is applied.
    pub(in crate::roster) fn note_applied(&self, revision: Revision) {
        let roster = &self.roster;
        let due_at = self.schedule.first().map_or(0, Time::as_millis);
        roster.due_at.store(due_at, Ordering::Release);
        let journal_time = self.journal_time.as_millis();
        roster.journal_time.store(journal_time, Ordering::Release);
        roster.applied.advance(revision);
    }

    fn apply_callback<'e>(
        &mut self,
        position: EntryPosition,
        callback: &'e Callback,
        effects: &mut UserEffects<'e>,
    ) {
        let app = &callback.app;
        match &*callback.decoded {
            Decoded::Room(events) => self.apply_room_events(position, app, events, effects),
            Decoded::User(events) => effects.tell_events(app, events),
            Decoded::Ignored { .. } | Decoded::Undecodable { .. } => {}
        }
    }

    fn apply_room_events(
        &mut self,
        position: EntryPosition,
        app: &AppName,
        events: &[RoomEvent],
        effects: &mut UserEffects<'_>,
    ) {
        // One room's events are applied, and become visible, together.
        for (first, RoomEvent { room, .. }) in events.iter().enumerate() {
            if events[..first].iter().any(|earlier| earlier.room == *room) {
                continue;
            }
            let of_one_room = events[first..].iter().filter(|event| event.room == *room);
            let mut stale = 0;
            self.change_room(position, app, room, effects, |room, rules| {
                let mut changes = Vec::new();
                for event in of_one_room {
                    match room.apply(event, position.at, rules) {
                        // There is one event as a rule, and its list is kept as it is.
                        Applied::Joined(joined) if changes.is_empty() => changes = joined,
                        Applied::Joined(joined) => changes.extend(joined),
                        Applied::Stale => stale += 1,
                    }
                }
                changes
            });
            self.roster.metrics.events_stale.inc_by(stale);
        }
    }

    fn tick(&mut self, position: EntryPosition, effects: &mut UserEffects<'_>) {
        for (app, subject) in &self.schedule.due(position.at) {
            match subject {
                Forgetful::Room(room) => {
                    let tick = |room: &mut Room, rules: &Rules| room.tick(position.at, rules);
                    self.change_room(position, app, room, effects, tick);
                }
                Forgetful::User(user) => effects.tell(app, user.clone(), News::Due),
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
        effects: &mut UserEffects<'_>,
        change: impl FnOnce(&mut Room, &Rules) -> Vec<RoomChange>,
    ) {
        let roster = Arc::clone(&self.roster);
        // Only a journal of another configuration has entries of other apps.
        let Some(app) = roster.apps.get(name) else {
            return;
        };
        let rules = &roster.rules;
        let hold = app.rooms.table.get_or_insert(id);
        let id = hold.id();
        let mut states = (RoomState::Unknown, RoomState::Unknown);
        let mut dues = (None, None);
        let mut remains: Vec<Remains> = Vec::new();
        self.publish(position, &hold, |room| {
            (states.0, dues.0) = (room.state(), room.due_at(rules));
            let changes = change(room, rules);
            for change in &changes {
                effects.tell_members(name, &app.users, id, change);
            }
            (states.1, dues.1) = (room.state(), room.due_at(rules));
            remains = room.take_remains();
            changes
        });
        if states.0 != states.1 {
            app.rooms.index(id, states.1);
        }
        self.schedule
            .put(name, || Forgetful::Room(id.clone()), dues);
        effects.ends.extend(remains.into_iter().map(|remains| End {
            app: name.clone(),
            room: id.clone(),
            revision: position.revision,
            remains,
        }));
        if hold.is_vacant() {
            self.forgotten.push(hold);
        }
    }

    /// Changes the users whom the entry concerns. The only place that does, and
    /// once an entry: so what concerns one user becomes visible together.
    fn settle(&mut self, position: EntryPosition, effects: UserEffects<'_>) {
        let UserEffects { mut items, ends } = effects;
        // Stable: the order of what concerns one user stays.
        items.sort_by(|a, b| a.whose().cmp(&b.whose()));
        for of_one_user in items.chunk_by(|a, b| a.whose() == b.whose()) {
            self.change_user(position, of_one_user);
        }
        for end in ends {
            self.room_end_notifier.take(&self.roster, &self.this, end);
        }
    }

    fn change_user(&mut self, position: EntryPosition, of_one_user: &[Item<'_>]) {
        let Some((name, id)) = of_one_user.first().map(Item::whose) else {
            return;
        };
        let roster = Arc::clone(&self.roster);
        let Some(app) = roster.apps.get(name) else {
            return;
        };
        let rules = &app.users.rules;
        let is_own = |item: &Item<'_>| !matches!(item.news, News::Membership(..));
        let hold = if roster.is_behind.load(Ordering::Acquire) {
            let is_news =
                |room: &RoomId| of_one_user.iter().any(|item| item.news.is_of_stay_in(room));
            Some(roster.find_user_behind(app, id, is_news))
        } else if of_one_user.iter().any(is_own) {
            let before = position.revision.saturating_sub(1);
            Some(roster.find_user(app, id, before))
        } else {
            // Whom nobody asked for, of him nobody can miss anything.
            app.users.table.get(id.as_str())
        };
        for item in of_one_user {
            item.note_in(&app.users.memberships);
        }
        let Some(hold) = hold else {
            return;
        };
        let (mut dues, mut stale, mut untold) = ((None, None), 0, false);
        self.publish(position, &hold, |user| {
            dues.0 = user.due_at(rules);
            let mut changes = Vec::new();
            for Item { news, .. } in of_one_user {
                untold |= news.shows_untold(user);
                match news.apply(user, position.at, rules) {
                    user::Applied::Joined(joined) => changes.extend(joined),
                    user::Applied::Stale => stale += 1,
                }
            }
            dues.1 = user.due_at(rules);
            changes
        });
        if untold {
            // No snapshot of a user is taken while an entry is applied.
            let mut state = hold.cell().state.lock();
            state.feed.raise_floor(position.revision.saturating_sub(1));
        }
        self.roster.metrics.events_stale.inc_by(stale);
        self.schedule
            .put(name, || Forgetful::User(hold.id().clone()), dues);
    }

    /// Changes a subject and publishes the change: one position, under its lock.
    fn publish<S: Subject>(
        &self,
        position: EntryPosition,
        hold: &Hold<S>,
        change: impl FnOnce(&mut S) -> Vec<S::Change>,
    ) {
        let EntryPosition { revision, at, .. } = position;
        let cell = hold.cell();
        let mut state = cell.state.lock();
        hold.keep_past(&mut state);
        let CellState {
            subject,
            feed,
            is_remembered,
            ..
        } = &mut *state;
        let changes = change(subject);
        let is_changed = !changes.is_empty();
        let is_first = is_changed && !mem::replace(is_remembered, true);
        feed.publish(revision, changes, at, &self.roster.limits.feed);
        hold.note_vacancy(&state, revision);
        drop(state);
        if is_changed {
            cell.changed.notify_waiters();
        }
        if is_first {
            self.roster.history.remember(hold, revision);
        }
    }
}

impl Follower for Applier {
    fn caught_up(&mut self) {
        let _applying = self.roster.applying.write();
        self.roster.is_behind.store(false, Ordering::Release);
    }

    fn apply(&mut self, revision: Revision, entry: &Entry) {
        let roster = Arc::clone(&self.roster);
        let applying = roster.applying.write();
        self.journal_time = self.journal_time.max(entry.received_at);
        let mut effects = UserEffects::default();
        let at = match &entry.payload {
            Payload::Callback(_) => entry.received_at,
            Payload::Tick => self.journal_time,
        };
        let position = EntryPosition { revision, at };
        match &entry.payload {
            Payload::Callback(callback) => self.apply_callback(position, callback, &mut effects),
            Payload::Tick => self.tick(position, &mut effects),
        }
        self.settle(position, effects);
        self.note_applied(revision);
        drop(applying);
        self.forgotten.clear();
        roster.trim_if_over(self.journal_time);
    }
}
