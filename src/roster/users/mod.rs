//! The users of one app: who is in which room, and who watches whom.
//!
//! Rooms know who is in them, and what they say is the truth. [`Users`] finds the same
//! by user, without work for each member when a room of a million closes. It keeps:
//!
//! - *memberships*: the rooms that each user may be in. Whoever reads them asks the
//!   rooms whether the user is there;
//! - *remembered users*: users with a history that a watch can read and resume from.
//!   They have devices, are watched, or were queried recently. Nobody can miss what
//!   happens to any other user, so it is not remembered;
//! - *watched users*, each with the number of watches;
//! - *recently queried users*, which stay remembered for as long as history does, so
//!   that a watch can begin where the answer to a query ended.
//!
//! # What holds between two entries
//!
//! 1. The memberships of a user have every room that the user is present in. They may
//!    have more: a life of a room ends without its members. The [`RoomEndNotifier`]
//!    removes those memberships at once or, if they are many, soon.
//! 2. So do the rooms that a remembered user's own state has ([`User::rooms`]). These
//!    are what the changes in the user's history add up to.
//! 3. The rooms of a watched user are exactly those that the user is present in: the
//!    entry that ends a life tells its watched users, and a watch begins by dropping
//!    the rooms that ended.
//! 4. When a room is dropped from a user without a change in the user's history, that
//!    history begins anew: nobody resumes from before.
//! 5. While the journal is replayed, everybody is remembered, and from the beginning:
//!    nobody knows who was watched or queried before the restart. Rooms of a user that
//!    is new are then those from before the entry.
//! 6. No checkpoint begins while the notifier has work ([`PendingRoomEnds`]): the
//!    histories in it would lack what rule 4 says.
//!
//! # Locks, in the order in which they are taken
//!
//! 1. The entry lock ([`JournalProgress`]). Methods that need it take a proof that it
//!    is held, [`EntryLockHeld`].
//! 2. The cell of a user.
//! 3. A shard of the table of rooms, and the cell of a room.
//! 4. The locks inside of memberships, watched users, recently queried users and
//!    captures. They are private to these types, and no other lock is taken while one of
//!    them is held, except that memberships are read while the watched users are locked.
//!
//! [`User::rooms`]: crate::reconcile::user::User::rooms
//! [`RoomEndNotifier`]: room_end_notifier::RoomEndNotifier
//! [`PendingRoomEnds`]: room_end_notifier::PendingRoomEnds

mod ended_lives;
mod memberships;
mod recently_queried;
mod remembered;
pub(crate) mod room_end_notifier;
mod subject;
mod user_effect;
mod watched;

use std::sync::Arc;

use crate::{
    domain::{RoomId, Time, UserId, UserIdRef},
    journal::Revision,
    reconcile::{
        EventOutcome, Member, Rules,
        user::{Membership, User, UserView},
    },
    roster::{
        entry_position::EntryPosition,
        journal_progress::{EntryLockHeld, JournalProgress, Paused},
        rooms::Rooms,
        subject::{
            history_budget::HistoryBudget,
            publish::publish,
            table::{Hold, Table},
        },
    },
};

use self::{remembered::RememberedUsers, watched::WatchedUsers};

pub(crate) use self::{
    ended_lives::EndedLives,
    subject::WatchedUser,
    user_effect::{AffectedUser, Effect, UserEffect},
};

/// The users of one app.
#[derive(Debug)]
pub(crate) struct Users {
    remembered: RememberedUsers,
    watched: WatchedUsers,
    /// Where their presence is looked up.
    rooms: Arc<Rooms>,
    /// How the app's users log in.
    rules: Rules,
    progress: Arc<JournalProgress>,
    history: Arc<HistoryBudget>,
}

/// What an entry did to a remembered user.
#[derive(Debug)]
pub(crate) struct UserApplied {
    /// When something was, and is now, next to be forgotten.
    pub(crate) dues: (Option<Time>, Option<Time>),
    /// Events that were too far from their receipt.
    pub(crate) stale: u64,
}

impl Users {
    pub(crate) fn new(
        rooms: Arc<Rooms>,
        rules: Rules,
        progress: Arc<JournalProgress>,
        history: Arc<HistoryBudget>,
    ) -> Self {
        let table = Table::new(history.feed_limits(), history.account());
        let remembered = RememberedUsers::new(table, Arc::clone(&rooms), Arc::clone(&progress));
        Self {
            remembered,
            watched: WatchedUsers::default(),
            rooms,
            rules,
            progress,
            history,
        }
    }

    // === Queries and watches ===

    /// A user as they are now. They are remembered from now on for a while.
    pub(crate) fn query(&self, id: UserIdRef<'_>, held: EntryLockHeld<'_>) -> UserView {
        let hold = self.remember(id, held);
        let view = self.view(&hold.cell().state.lock().subject, id, held);
        self.remembered.keep(hold, self.progress.now());
        view
    }

    /// Counts a watch of a user, and remembers them.
    fn begin_watch(&self, id: &UserId, held: EntryLockHeld<'_>) -> Hold<User> {
        self.watched.add(id);
        self.remember(id.borrowed(), held)
    }

    /// Notes that such a watch ended. It can be resumed for a while.
    fn end_watch(&self, id: &UserId) {
        if let Some(hold) = self.table().get(id) {
            self.remembered.keep(hold, self.progress.now());
        }
        self.watched.remove(id);
    }

    /// A user that is remembered from now on, and whose rooms are those that they are
    /// in.
    fn remember(&self, id: UserIdRef<'_>, held: EntryLockHeld<'_>) -> Hold<User> {
        let now = self.progress.applied();
        let hold = self.remembered.remember(id, now, held);
        self.remembered.drop_ended_rooms(&hold, held);
        hold
    }

    /// What is visible of a user. Rooms that ended are left out.
    fn view(&self, user: &User, id: UserIdRef<'_>, _held: EntryLockHeld<'_>) -> UserView {
        let rooms = user.rooms();
        let rooms = rooms.filter(|(room, _)| self.rooms.presence(room, id).is_some());
        let rooms = rooms.map(|(room, login_at)| (room.clone(), login_at));
        user.view(rooms.collect(), &self.rules)
    }

    /// Those that are remembered.
    pub(crate) fn table(&self) -> &Arc<Table<User>> {
        self.remembered.table()
    }

    /// How the app's users log in.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Keeps entries from being applied.
    fn pause(&self) -> Paused<'_> {
        self.progress.pause()
    }

    /// Forgets queries from before `until`.
    pub(crate) fn trim(&self, until: Time) {
        self.remembered.trim(until);
    }

    /// How many users may be in rooms, and how many are remembered. Some are both, and
    /// count twice.
    pub(crate) fn count(&self) -> usize {
        self.remembered.memberships.len() + self.table().len()
    }

    // === Entries ===

    /// The watched users that may have been in a life of a room that ended. Costs what
    /// the watched users do or the users of the room, whichever are fewer. Takes no
    /// lock of a cell.
    pub(crate) fn watched_in_ended_room(
        &self,
        room: &RoomId,
        ended: &EndedLives<'_>,
    ) -> Vec<UserId> {
        self.watched
            .among(ended.user_count(), ended.users(), |user| {
                self.remembered.memberships.has(user, room)
            })
    }

    /// Applies what an entry means for one user: all of it, once an entry, so that it
    /// becomes visible together. `None` if the user is not remembered.
    pub(crate) fn apply(
        &self,
        effects: &[UserEffect<'_>],
        position: EntryPosition,
        held: EntryLockHeld<'_>,
    ) -> Option<UserApplied> {
        let id = effects.first()?.user.id();
        // Before memberships change: a user that is new has the rooms from before.
        let hold = self.find_affected(id, effects, position, held);
        self.note_memberships(effects);
        let hold = hold?;
        let (mut dues, mut stale, mut lacks_leave) = ((None, None), 0, false);
        publish(&self.history, &hold, position, |user| {
            dues.0 = user.due_at(&self.rules);
            let mut changes = Vec::new();
            for UserEffect { effect, .. } in effects {
                lacks_leave |= effect.shows_unpublished_leave(user);
                match effect.apply(user, position.at, &self.rules) {
                    EventOutcome::Applied(joined) => changes.extend(joined),
                    EventOutcome::Stale => stale += 1,
                }
            }
            dues.1 = user.due_at(&self.rules);
            changes
        });
        if lacks_leave {
            // Nobody reads a user while an entry is applied, so it need not be one step.
            let mut state = hold.cell().state.lock();
            state.feed.raise_floor(position.revision.saturating_sub(1));
        }
        Some(UserApplied { dues, stale })
    }

    fn note_memberships(&self, effects: &[UserEffect<'_>]) {
        let memberships = &self.remembered.memberships;
        for UserEffect { user, effect, .. } in effects {
            let Effect::Membership(room, membership) = effect else {
                continue;
            };
            match membership {
                Membership::Entered(_) | Membership::Stayed(_) => {
                    memberships.enter(user.to_key(), room);
                }
                Membership::Left(..) => memberships.leave(user.id(), room),
            }
        }
    }

    /// The user that effects are on, if what happens to them is or becomes remembered.
    fn find_affected(
        &self,
        id: UserIdRef<'_>,
        effects: &[UserEffect<'_>],
        position: EntryPosition,
        held: EntryLockHeld<'_>,
    ) -> Option<Hold<User>> {
        if self.progress.is_replaying() {
            let stays_in = |room: &RoomId| effects.iter().any(|it| it.effect.is_stay_in(room));
            Some(self.remembered.remember_in_replay(id, stays_in, held))
        } else if effects.iter().all(|it| it.effect.is_membership()) {
            self.table().get(id.as_str())
        } else {
            let before = position.revision.saturating_sub(1);
            Some(self.remembered.remember(id, before, held))
        }
    }

    /// Drops a room from a user that was in a life of it that ended by `revision`, or
    /// later, unless they are in it again.
    fn drop_ended_room(
        &self,
        id: UserIdRef<'_>,
        room: &RoomId,
        revision: Revision,
        held: EntryLockHeld<'_>,
    ) {
        self.remembered.drop_ended_room(id, room, revision, held);
    }

    // === Checkpoints ===

    /// Notes that a user is in a room, which is restored.
    pub(crate) fn restore_membership(&self, member: &Member, room: &RoomId) {
        self.remembered.memberships.enter(member.into(), room);
    }

    /// Keeps a user, which is restored: whoever queried or watched them before the
    /// restart may come back.
    pub(crate) fn keep_restored(&self, hold: Hold<User>, journal_time: Time) {
        self.remembered.keep(hold, journal_time);
    }

    /// Looks up the rooms of a user that was restored, once all rooms are.
    pub(crate) fn find_restored_rooms(&self, id: &UserId, held: EntryLockHeld<'_>) {
        self.remembered.remember(id.borrowed(), 0, held);
    }
}
