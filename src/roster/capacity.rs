//! Whether there is room for what a callback would add.
//!
//! It is asked before a callback is journalled. Far from the limits, which is the usual case, a
//! few counters answer. Near one of them, the callback is tried on copies of what it is about,
//! so that callbacks which add nothing are taken.

use std::collections::HashMap;

use crate::{
    domain::{Decoded, RoomEvent, RoomEventKind, Time, UserEvent, UserId},
    journal::{Callback, Entry, Payload},
    reconcile::{EventOutcome, Footprint, added_at_most, room::Room, user::User},
    roster::{App, Limit, Roster, apply::by_room},
};

/// What a callback would change.
#[derive(Debug, Default)]
struct Trial {
    before: Footprint,
    after: Footprint,
    /// Whether it only ends what is there, visibly. Then its sequence number may take a little.
    is_end: bool,
    /// The limit on one room or user that it would exceed.
    exceeded: Option<Limit>,
}

impl Roster {
    /// Holds room for what an entry may add, until it is [released](Self::release). Returns how
    /// many bytes are held.
    ///
    /// What is held counts as if it were applied, so the limit on bytes is kept however many
    /// callbacks are under way. The other limits may be exceeded by as much as those add.
    ///
    /// # Errors
    /// The limit that the entry would exceed, if it would add anything at all. It is counted.
    pub fn hold(&self, entry: &Entry) -> Result<usize, Limit> {
        let Payload::Callback(callback) = &entry.payload else {
            return Ok(0);
        };
        let added = added_at_most(&callback.decoded);
        if added == 0 {
            return Ok(0);
        }
        let held = self.size.hold(added);
        let events = callback.decoded.event_count();
        if self.is_ample(events, held.saturating_add(added))
            && (self.are_few_indexed(events) || self.is_ample_in_each(callback))
        {
            return Ok(added);
        }
        match self.exceeded_by(callback, entry.received_at, held) {
            None => Ok(added),
            Some(limit) => {
                self.size.release(added);
                self.metrics.limit_reached(limit).inc();
                Err(limit)
            }
        }
    }

    /// Gives back what was held for an entry, which is applied now, or will not be.
    pub fn release(&self, held: usize) {
        self.size.release(held);
    }

    /// Whether no limit on all is near, whatever is known of what a callback is about.
    fn is_ample(&self, events: usize, held: usize) -> bool {
        let (size, limits) = (self.size.footprint(), &self.capacity);
        size.all_bytes().saturating_add(held) <= limits.bytes_max
            && size.users.saturating_add(events) <= limits.users_max
            && size.rooms.saturating_add(events) <= limits.rooms_max
    }

    /// Whether no user and no room can be near its limit, because all of them together are not.
    fn are_few_indexed(&self, events: usize) -> bool {
        let (size, limits) = (self.size.footprint(), &self.capacity);
        size.indexed_sessions.saturating_add(events) <= limits.sessions_per_user_max
            && size.indexed_lives.saturating_add(events) <= limits.lives_per_room_max
    }

    /// Whether none of the users and rooms that a callback is about is at its limit.
    fn is_ample_in_each(&self, callback: &Callback) -> bool {
        let Some(app) = self.apps.get(&callback.app) else {
            return true;
        };
        let (sessions_max, lives_max) = (
            self.capacity.sessions_per_user_max,
            self.capacity.lives_per_room_max,
        );
        match &*callback.decoded {
            Decoded::Room(events) => by_room::groups(events).iter().all(|of_one_room| {
                let is_ample = |room: &Room| {
                    let sessions = |event: &&RoomEvent| sessions_of(room, event) < sessions_max;
                    room.life_count() < lives_max && of_one_room.iter().all(sessions)
                };
                let room = of_one_room.first().map(|event| &event.room);
                room.is_none_or(|id| app.rooms.look(id, is_ample).unwrap_or(true))
            }),
            Decoded::User(events) => events.iter().all(|event| {
                let is_ample = |user: &User| user.session_count() < sessions_max;
                app.users.look(event.user(), is_ample).unwrap_or(true)
            }),
            Decoded::Ignored { .. } | Decoded::Undecodable { .. } => true,
        }
    }

    /// The limit that a callback would exceed.
    fn exceeded_by(&self, callback: &Callback, at: Time, held: usize) -> Option<Limit> {
        let app = self.apps.get(&callback.app)?;
        let Trial {
            before,
            after,
            is_end,
            exceeded,
        } = match &*callback.decoded {
            Decoded::Room(events) => self.try_in_rooms(app, events, at),
            Decoded::User(events) => self.try_on_users(app, events, at),
            Decoded::Ignored { .. } | Decoded::Undecodable { .. } => Trial::default(),
        };
        let (size, limits) = (self.size.footprint(), &self.capacity);
        let exceeds = |size: usize, before: usize, after: usize, max: usize| {
            after > before && size.saturating_add(after - before) > max
        };
        // A logout may also be the first that is known of a room: then it adds as others do.
        let is_only_number = is_end && after.bytes <= before.bytes;
        let bytes = |footprint: Footprint| match is_only_number {
            true => footprint.bytes,
            false => footprint.all_bytes(),
        };
        let bytes_held = size.all_bytes().saturating_add(held);
        let of_all = [
            (
                Limit::Rooms,
                exceeds(size.rooms, before.rooms, after.rooms, limits.rooms_max),
            ),
            (
                Limit::Users,
                exceeds(size.users, before.users, after.users, limits.users_max),
            ),
            (
                Limit::Bytes,
                exceeds(bytes_held, bytes(before), bytes(after), limits.bytes_max),
            ),
        ];
        let of_all = of_all.into_iter().find(|(_, exceeds)| *exceeds);
        exceeded.or(of_all.map(|(limit, _)| limit))
    }

    fn try_in_rooms(&self, app: &App, events: &[RoomEvent], at: Time) -> Trial {
        let mut trial = Trial {
            is_end: true,
            ..Trial::default()
        };
        for of_one_room in by_room::groups(events) {
            self.try_in_room(app, &of_one_room, at, &mut trial);
        }
        trial
    }

    fn try_in_room(&self, app: &App, events: &[&RoomEvent], at: Time, trial: &mut Trial) {
        let Some(RoomEvent { room: id, .. }) = events.first() else {
            return;
        };
        let rules = app.rooms.rules();
        let mut room = app.rooms.look(id, Room::clone).unwrap_or_default();
        trial.before += room.footprint(id);
        for event in events {
            let lives = room.life_count();
            // A close of what is known adds nothing. To try it can take long: it ends all logins.
            if matches!(event.kind, RoomEventKind::Closed { .. })
                && room.knows_life(&event.incarnation)
            {
                continue;
            }
            let sessions = sessions_of(&room, event);
            let is_visible = match room.apply(event, at, rules) {
                EventOutcome::Applied(changes) => !changes.is_empty(),
                EventOutcome::Stale => false,
            };
            trial.is_end &= is_visible && matches!(event.kind, RoomEventKind::Logout(_));
            trial.note(
                Limit::LivesPerRoom,
                (lives, room.life_count()),
                self.capacity.lives_per_room_max,
            );
            trial.note(
                Limit::SessionsPerUser,
                (sessions, sessions_of(&room, event)),
                self.capacity.sessions_per_user_max,
            );
        }
        trial.after += room.footprint(id);
    }

    fn try_on_users(&self, app: &App, events: &[UserEvent], at: Time) -> Trial {
        let mut trial = Trial::default();
        let mut tried: HashMap<&UserId, User> = HashMap::new();
        for event in events {
            let user = tried.entry(event.user()).or_insert_with_key(|id| {
                let user = app.users.look(id, User::evidence).unwrap_or_default();
                trial.before += user.footprint();
                user
            });
            let sessions = user.session_count();
            user.apply(event, at, app.users.rules());
            trial.note(
                Limit::SessionsPerUser,
                (sessions, user.session_count()),
                self.capacity.sessions_per_user_max,
            );
        }
        trial.after = tried.values().map(User::footprint).sum();
        trial
    }
}

impl Trial {
    /// Notes a limit on one room or user, if there are more now, and too many.
    fn note(&mut self, limit: Limit, (before, after): (usize, usize), max: usize) {
        if after > before && after > max {
            self.exceeded = Some(limit);
        }
    }
}

/// How many sessions the user has whom an event is about.
fn sessions_of(room: &Room, event: &RoomEvent) -> usize {
    match &event.kind {
        RoomEventKind::Login(login) => room.session_count(&event.incarnation, &login.user),
        RoomEventKind::Logout(logout) => room.session_count(&event.incarnation, &logout.user),
        _ => 0,
    }
}
