//! What is read of users: by queries, and by watches.

use crate::{
    domain::{RoomId, UserId, UserIdRef},
    reconcile::user::{User, UserView},
    roster::{journal_progress::EntryLockHeld, subject::table::Hold},
};

use super::Users;

impl Users {
    /// A user as they are now. The user stays remembered for a while.
    pub(crate) fn query(&self, id: UserIdRef<'_>, held: EntryLockHeld<'_>) -> UserView {
        self.query_page(id, None, usize::MAX, held).0
    }

    /// A user as they are now, with a page of the rooms that the user may be in: those after
    /// `after`, at most `rooms_max`. The page leaves out rooms that the user is not in any more.
    /// Returns the last room that it had a place for, if more follow. The user stays remembered
    /// for a while.
    ///
    /// A user can be in very many rooms, and no entry is applied meanwhile: only the rooms of
    /// the page are looked up.
    pub(crate) fn query_page(
        &self,
        id: UserIdRef<'_>,
        after: Option<&RoomId>,
        rooms_max: usize,
        held: EntryLockHeld<'_>,
    ) -> (UserView, Option<RoomId>) {
        let now = self.progress.applied();
        let hold = self.remembered.remember(id, now, held);
        let (rooms, continue_after) = {
            let state = hold.cell().state.lock();
            let mut rooms = state.subject.rooms().after(after).map(|(room, _)| room);
            let page: Vec<RoomId> = rooms.by_ref().take(rooms_max).cloned().collect();
            let last = rooms.next().and(page.last()).cloned();
            (page, last)
        };
        self.remembered.drop_ended_rooms(&hold, &rooms, held);
        let view = {
            let state = hold.cell().state.lock();
            let rooms = rooms.into_iter().filter_map(|room| {
                let login_at = state.subject.rooms().login_at(&room)?;
                Some((room, login_at))
            });
            state.subject.view(rooms.collect(), &self.rules)
        };
        self.remembered.keep(hold, self.progress.now());
        (view, continue_after)
    }

    /// Counts one more watch of a user, and remembers the user.
    pub(super) fn begin_watch(&self, id: &UserId, held: EntryLockHeld<'_>) -> Hold<User> {
        let now = self.progress.applied();
        let hold = self.remembered.remember(id.borrowed(), now, held);
        // Of somebody who is watched already, no room has ended (invariant 3).
        if !self.watched.has(id) {
            let rooms = hold.cell().state.lock().subject.rooms().clone();
            let rooms = rooms.iter().map(|(room, _)| room);
            self.remembered.drop_ended_rooms(&hold, rooms, held);
        }
        // No entry is applied meanwhile, so none ended since.
        self.watched.add(id);
        hold
    }

    /// Counts one watch of a user less. The user stays remembered for a while, so that the
    /// watch can be resumed.
    pub(super) fn end_watch(&self, id: &UserId) {
        if let Some(hold) = self.table().get(id) {
            self.remembered.keep(hold, self.progress.now());
        }
        self.watched.remove(id);
    }

    /// What is visible of a watched user. Their rooms are those that they are present in
    /// (invariant 3), so all watches share them.
    pub(super) fn view_of_watched(&self, user: &User, _held: EntryLockHeld<'_>) -> UserView {
        user.view(user.rooms().clone(), &self.rules)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use crate::{
        domain::{
            AppName, Decoded, Login, Logins, ProductName, Profile, RoomEvent, RoomEventKind, Time,
        },
        journal::{Callback, Entry, Epoch, Follower as _, Payload},
        reconcile::{Rules, user::UserView},
        roster::{Limits, Roster, SnapshotReason, Start, WatchEvent},
    };

    const APP: &str = "arena";

    fn entry(room: u64) -> Entry {
        let at = Time::from_millis(1_700_000_000_000);
        let kind = RoomEventKind::Login(Login {
            user: "busy".into(),
            session: "1".into(),
            at,
            profile: Profile::default(),
            room_name: None,
            seq: None,
        });
        let event = RoomEvent {
            room: room.to_string().as_str().into(),
            incarnation: "1".into(),
            kind,
        };
        Entry {
            received_at: at.unwrap(),
            payload: Payload::Callback(Callback {
                app: APP.into(),
                product: ProductName::new("test"),
                query: "".into(),
                body: Bytes::new(),
                decoded: Arc::new(Decoded::Room(vec![event])),
            }),
        }
    }

    /// A user in so many rooms.
    fn busy(rooms: u64) -> Arc<Roster> {
        let apps = [(AppName::from(APP), Logins::Concurrent)];
        let (roster, mut applier) =
            Roster::new(Epoch(1), apps, Rules::default(), Limits::default());
        applier.caught_up();
        (0..rooms).for_each(|room| applier.apply(room + 1, &entry(room)));
        roster
    }

    fn snapshot(roster: &Arc<Roster>) -> UserView {
        let start = Start::Snapshot(SnapshotReason::Initial);
        let watch = roster.watch_user(&APP.into(), &"busy".into(), start);
        match watch.unwrap().try_next() {
            Some(WatchEvent::Snapshot { view, .. }) => view,
            other => panic!("no snapshot: {other:?}"),
        }
    }

    #[test]
    fn all_watches_of_a_user_share_the_rooms() {
        let roster = busy(1_000);
        let views = [(); 3].map(|()| snapshot(&roster));
        assert_eq!(views[0].rooms.len(), 1_000);
        assert!(
            views
                .iter()
                .all(|it| it.rooms.are_shared_with(&views[0].rooms))
        );
    }
}
