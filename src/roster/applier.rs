//! The one writer of the roster: follows the journal and applies each entry.

use std::sync::{Arc, Weak, atomic::Ordering};

use crate::{
    event::{AppName, CloseReason, LeaveReason, RoomEvent, RoomId, Time, UserEvent, UserId},
    journal::{Entry, Follower, Payload, Revision},
    room::{Applied, Remains, Room, RoomChange, RoomState, Rules},
    roster::{
        App, Roster,
        reaper::{End, Reaper},
        schedule::{Forgetful, Schedule},
        table::{CellState, Hold, Subject},
    },
    user::{self, Membership, User, UserChange},
    vendor::Decoded,
};

/// Applies the journal to a roster, entry by entry. There is one a roster, so
/// entries are applied in the order of their revisions.
#[derive(Debug)]
pub struct Applier {
    roster: Arc<Roster>,
    /// For the reaper, which is not to keep the roster.
    this: Weak<Roster>,
    schedule: Schedule,
    /// The greatest receive time applied so far: the clock of forgetting, which
    /// is the same for whoever reads the same journal.
    journal_time: Time,
    reaper: Reaper,
}

/// What is being applied, and to whose rooms and users.
#[derive(Clone, Copy)]
struct Step<'a> {
    app: &'a AppName,
    revision: Revision,
    at: Time,
}

/// What a change of rooms means for users.
#[derive(Debug, Default)]
struct Aftermath {
    /// Who is to be told that he entered or left a room, in that order.
    memberships: Vec<(UserId, RoomId, Membership)>,
    /// Lives of rooms that are over, which only those who are watched are told of.
    ends: Vec<End>,
}

impl Applier {
    pub(super) fn new(roster: Arc<Roster>) -> Self {
        Self {
            this: Arc::downgrade(&roster),
            roster,
            schedule: Schedule::default(),
            journal_time: Time::MIN,
            reaper: Reaper::default(),
        }
    }

    fn apply_room_events(&mut self, step: Step<'_>, events: &[RoomEvent]) {
        let mut aftermath = Aftermath::default();
        // One room's events are applied, and become visible, together.
        for (first, RoomEvent { room, .. }) in events.iter().enumerate() {
            if events[..first].iter().any(|earlier| earlier.room == *room) {
                continue;
            }
            let of_one_room = events[first..].iter().filter(|event| event.room == *room);
            let mut stale = 0;
            self.change_room(step, room, &mut aftermath, |room, rules| {
                let applied = of_one_room.map(|event| room.apply(event, step.at, rules));
                let changes = applied.filter_map(|applied| match applied {
                    Applied::Joined(changes) => Some(changes),
                    Applied::Stale => {
                        stale += 1;
                        None
                    }
                });
                changes.flatten().collect()
            });
            self.roster.metrics.events_stale.inc_by(stale);
        }
        self.settle(step, aftermath);
    }

    fn apply_user_events(&mut self, step: Step<'_>, events: &[UserEvent]) {
        for event in events {
            let mut stale = 0;
            let user = match event {
                UserEvent::Login(login) => &login.user,
                UserEvent::Logout(logout) => &logout.user,
            };
            self.change_user(step, user, |user, rules| {
                match user.apply(event, step.at, rules) {
                    user::Applied::Joined(changes) => changes,
                    user::Applied::Stale => {
                        stale += 1;
                        Vec::new()
                    }
                }
            });
            self.roster.metrics.events_stale.inc_by(stale);
        }
    }

    fn tick(&mut self, revision: Revision) {
        let now = self.journal_time;
        for (app, subject) in &self.schedule.due(now) {
            let step = Step {
                app,
                revision,
                at: now,
            };
            match subject {
                Forgetful::Room(room) => {
                    let mut aftermath = Aftermath::default();
                    let tick = |room: &mut Room, rules: &Rules| room.tick(now, rules);
                    self.change_room(step, room, &mut aftermath, tick);
                    self.settle(step, aftermath);
                }
                Forgetful::User(user) => {
                    self.change_user(step, user, |user, rules| user.tick(now, rules));
                }
            }
        }
    }

    /// Changes a room, and collects what that means for its users.
    fn change_room(
        &mut self,
        step: Step<'_>,
        id: &RoomId,
        aftermath: &mut Aftermath,
        change: impl FnOnce(&mut Room, &Rules) -> Vec<RoomChange>,
    ) {
        let Step {
            app: name,
            revision,
            ..
        } = step;
        let roster = Arc::clone(&self.roster);
        // Only a journal of another configuration has entries of other apps.
        let Some(app) = roster.apps.get(name) else {
            return;
        };
        let rules = &roster.rules;
        let hold = app.rooms.table.get_or_insert(id);
        let mut states = (RoomState::Unknown, RoomState::Unknown);
        let mut dues = (None, None);
        let mut remains: Vec<Remains> = Vec::new();
        self.publish(step, &hold, |room| {
            (states.0, dues.0) = (room.state(), room.due_at(rules));
            let changes = change(room, rules);
            for change in &changes {
                collect(app, id, change, aftermath);
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
        aftermath
            .ends
            .extend(remains.into_iter().map(|remains| End {
                app: name.clone(),
                room: id.clone(),
                revision,
                remains,
            }));
    }

    fn change_user(
        &mut self,
        step: Step<'_>,
        id: &UserId,
        change: impl FnOnce(&mut User, &Rules) -> Vec<UserChange>,
    ) {
        let roster = Arc::clone(&self.roster);
        let Some(app) = roster.apps.get(step.app) else {
            return;
        };
        let rules = &app.users.rules;
        let hold = app.users.table.get_or_insert(id);
        let mut dues = (None, None);
        self.publish(step, &hold, |user| {
            dues.0 = user.due_at(rules);
            let changes = change(user, rules);
            dues.1 = user.due_at(rules);
            changes
        });
        self.schedule
            .put(step.app, || Forgetful::User(id.clone()), dues);
    }

    /// Notes with the users which rooms they entered and left: what concerns one
    /// user becomes visible together.
    fn settle(&mut self, step: Step<'_>, aftermath: Aftermath) {
        let Aftermath {
            mut memberships,
            ends,
        } = aftermath;
        // Stable: the order of what concerns one user stays.
        memberships.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        for of_one_user in memberships.chunk_by(|(a, ..), (b, ..)| a == b) {
            let Some((user, ..)) = of_one_user.first() else {
                continue;
            };
            self.change_user(step, user, |user, _| {
                let noted = of_one_user
                    .iter()
                    .map(|(_, room, change)| user.note(room, change));
                noted.flatten().collect()
            });
        }
        for end in ends {
            self.reaper.take(&self.roster, &self.this, end);
        }
    }

    /// Changes a subject and publishes the change: one step, under its lock.
    fn publish<S: Subject>(
        &self,
        step: Step<'_>,
        hold: &Hold<S>,
        change: impl FnOnce(&mut S) -> Vec<S::Change>,
    ) {
        let Step { revision, at, .. } = step;
        let cell = hold.cell();
        let mut state = cell.state.lock();
        let CellState { subject, feed } = &mut *state;
        let changes = change(subject);
        let is_changed = !changes.is_empty();
        let is_first = is_changed && feed.oldest().is_none();
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

/// What a change of a room means for its users. A close tells only those who are
/// watched: the others' rooms are looked up when they are asked for.
fn collect(app: &App, room: &RoomId, change: &RoomChange, aftermath: &mut Aftermath) {
    let mut note = |user: &UserId, membership| {
        let entry = (user.clone(), room.clone(), membership);
        aftermath.memberships.push(entry);
    };
    match change {
        RoomChange::UserJoined(member) | RoomChange::UserUpdated(member) => {
            note(&member.user, Membership::Entered(member.login_at));
        }
        RoomChange::UserLeft { member, reason, at } => {
            note(&member.user, Membership::Left(*reason, *at));
        }
        RoomChange::RoomClosed {
            room: closed,
            reason,
        } => {
            let reason = match reason {
                CloseReason::Superseded => LeaveReason::Superseded,
                _ => LeaveReason::RoomClosed,
            };
            for user in app.users.watched_in(room) {
                note(&user, Membership::Left(reason, closed.closed_at));
            }
        }
        RoomChange::RoomOpened(_) | RoomChange::RoomUpdated(_) => {}
    }
}

impl Follower for Applier {
    fn apply(&mut self, revision: Revision, entry: &Entry) {
        let roster = Arc::clone(&self.roster);
        let applying = roster.applying.write();
        let at = entry.received_at;
        self.journal_time = self.journal_time.max(at);
        match &entry.payload {
            Payload::Callback(callback) => {
                let app = &callback.app;
                let step = Step { app, revision, at };
                match &*callback.decoded {
                    Decoded::Room(events) => self.apply_room_events(step, events),
                    Decoded::User(events) => self.apply_user_events(step, events),
                    Decoded::Ignored { .. } | Decoded::Undecodable { .. } => {}
                }
            }
            Payload::Tick => self.tick(revision),
        }
        let due_at = self.schedule.first().map_or(0, Time::as_millis);
        roster.due_at.store(due_at, Ordering::Release);
        roster.applied.advance(revision);
        drop(applying);
        if roster.history.is_over(&roster.limits) {
            roster.trim_history(self.journal_time);
        }
    }
}
