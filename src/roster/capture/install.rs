//! Fills an empty roster from a checkpoint.

use std::sync::Arc;

use crate::{
    domain::{AppName, RoomId, Time, UserId},
    reconcile::{room::Room, user::User},
    roster::{
        App, Applier, Roster,
        apply::schedule::DueSubject,
        journal_progress::EntryLockHeld,
        subject::{cell::Subject, feed::Feed, table::Hold},
    },
};

use super::{Captured, Image, image::AppImage};

impl Applier {
    /// Fills the roster from a checkpoint. The journal has to be followed from the revision
    /// of the checkpoint on. The roster must be empty: no entry was applied to it, and it has
    /// no watches.
    ///
    /// Apps that the roster does not have are left out, with a warning.
    pub fn install(&mut self, image: Image) {
        let roster = Arc::clone(&self.roster);
        let applying = roster.progress.begin_entry();
        for (name, image_of_app) in image.apps {
            match roster.apps.get(&name) {
                Some(app) => {
                    self.install_app(&name, app, image_of_app, image.received_at, applying.held())
                }
                None => warn_of(&name, &image_of_app),
            }
        }
        roster.chain.install(image.chain);
        if let Some(journal_time) = image.journal_time {
            roster.progress.set_journal_time(journal_time);
        }
        self.note_applied(image.revision, image.received_at);
        drop(applying);
        roster.trim_if_exceeded();
    }

    fn install_app(
        &mut self,
        name: &AppName,
        app: &App,
        image: AppImage,
        now: Time,
        held: EntryLockHeld<'_>,
    ) {
        // Before the first cell is created, because a new feed begins at the table's floor.
        app.rooms.table().note_forgotten(image.rooms_floor);
        app.users.table().note_forgotten(image.users_floor);
        let users: Vec<UserId> = image.users.keys().cloned().collect();
        for (id, user) in image.users {
            self.install_user(name, app, &id, user, now);
        }
        for (id, room) in image.rooms {
            self.install_room(name, app, &id, room);
        }
        // After all rooms are installed, because the rooms of a user are looked up in them.
        for id in users {
            app.users.find_restored_rooms(&id, held);
        }
    }

    fn install_user(
        &mut self,
        name: &AppName,
        app: &App,
        id: &UserId,
        user: Captured<User>,
        now: Time,
    ) {
        let due_at = user.subject.due_at(app.users.rules());
        let hold = app.users.table().get_or_insert(id);
        self.roster.put(&hold, user);
        app.users.keep_restored(hold, now);
        let subject = || DueSubject::User(id.clone());
        self.schedule.put(name, subject, (None, due_at));
    }

    fn install_room(&mut self, name: &AppName, app: &App, id: &RoomId, mut room: Captured<Room>) {
        let rules = app.rooms.rules();
        room.subject.derive(rules);
        let (state, due_at) = (room.subject.state(), room.subject.due_at(rules));
        let members = room.subject.members().cloned().unwrap_or_default();
        let hold = app.rooms.table().get_or_insert(id);
        self.roster.put(&hold, room);
        app.rooms.index(id, state);
        let subject = || DueSubject::Room(id.clone());
        self.schedule.put(name, subject, (None, due_at));
        for member in members.iter() {
            app.users.restore_membership(member, id);
        }
    }
}

impl Roster {
    fn put<S: Subject>(&self, hold: &Hold<S>, captured: Captured<S>) {
        let Captured { subject, recent } = captured;
        let mut state = hold.cell().state.lock();
        state.feed = Feed::restore(
            recent,
            S::kept_bytes(hold.id()),
            hold.table().feed_limits(),
            hold.table().history_bytes(),
        );
        let before = state.subject.footprint(hold.id());
        state.subject = subject;
        let after = state.subject.footprint(hold.id());
        hold.table().size().change(before, after);
        let oldest = state.feed.oldest().map(|oldest| oldest.revision);
        state.is_in_budget = oldest.is_some();
        let revision = state.feed.revision();
        hold.note_vacancy(&state, revision);
        drop(state);
        if let Some(oldest) = oldest {
            self.history.remember(hold, oldest);
        }
    }
}

fn warn_of(app: &AppName, image: &AppImage) {
    let (rooms, users) = (image.rooms.len(), image.users.len());
    if rooms + users > 0 {
        let app = app.as_str();
        tracing::warn!(
            app,
            rooms,
            users,
            "the checkpoint has an app that is not configured"
        );
    }
}
