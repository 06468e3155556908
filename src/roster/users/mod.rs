//! The users of one app: the rooms that they are in, and whether they are watched.
//!
//! The rooms decide which users are in them. [`Users`] finds the rooms of a user. When a room
//! closes, it need not do work for each member, of which there can be a million. It keeps:
//!
//! - *memberships*: the rooms that each user may be in. A reader has to check in the room
//!   whether the user is present;
//! - *remembered users*: users with a history that a watch can read and resume from. They
//!   have devices, are watched, or were queried recently. The histories of other users are
//!   not kept, because no watch can resume from them;
//! - *watched users*, each with the number of watches;
//! - *recently queried users*. They stay remembered for as long as changes do, so that a
//!   watch can begin where the answer to a query ended.
//!
//! # Invariants between two entries
//!
//! 1. The memberships of a user contain every room that the user is present in. They can
//!    contain more rooms, because the end of a life of a room does not change the
//!    memberships of its members. The [`RoomEndNotifier`] removes such memberships: at once
//!    if they are few, otherwise soon.
//! 2. The same holds for the rooms in the state of a remembered user ([`User::rooms`]). They
//!    are the rooms that result from the changes in the user's history.
//! 3. The rooms in the state of a watched user are exactly those that the user is present
//!    in. The entry that ends a life removes the room from the watched users of that life,
//!    and the rooms that have ended are removed when the first watch begins.
//! 4. When a room is removed from a user without a change in the user's history, the floor of
//!    that history is raised: no watch resumes from before.
//! 5. While the journal is replayed, all users are remembered from the beginning, because it
//!    is not known which users were watched or queried before the restart. The rooms of a
//!    user that an entry inserts are then those from before the entry.
//! 6. No checkpoint begins while the notifier has work ([`PendingRoomEnds`]). Otherwise the
//!    floors of the histories in it would not be raised yet, as invariant 4 requires.
//!
//! # Locks, in the order in which they are locked
//!
//! 1. The entry lock ([`JournalProgress`]). Methods that need it have a parameter that proves
//!    that it is held, [`EntryLockHeld`].
//! 2. The cell of a user.
//! 3. A shard of the table of rooms, and the cell of a room.
//! 4. The locks inside of memberships, watched users, recently queried users and captures.
//!    They are private to these types. While one of them is held, no other lock is locked,
//!    except that memberships are read while the watched users are locked.
//!
//! [`User::rooms`]: crate::reconcile::user::User::rooms
//! [`RoomEndNotifier`]: room_end_notifier::RoomEndNotifier
//! [`PendingRoomEnds`]: room_end_notifier::PendingRoomEnds

mod ended_lives;
mod memberships;
mod reads;
mod recently_queried;
mod remembered;
#[cfg(test)]
mod replay_tests;
pub(crate) mod room_end_notifier;
mod subject;
mod user_effect;
mod watched;

use std::{collections::HashSet, sync::Arc};

use crate::{
    domain::{RoomId, Time, UserId, UserIdRef},
    journal::Revision,
    reconcile::{
        EventOutcome, Member, Rules,
        user::{Membership, User},
    },
    roster::{
        entry_position::EntryPosition,
        journal_progress::{EntryLockHeld, JournalProgress, Paused},
        rooms::Rooms,
        size::AppSize,
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
    recently_queried::RecentlyQueried,
    subject::WatchedUser,
    user_effect::{AffectedUser, UserEffect, UserEffectKind},
};

/// The users of one app.
#[derive(Debug)]
pub(crate) struct Users {
    remembered: RememberedUsers,
    watched: WatchedUsers,
    /// The rules of reconciliation for users.
    rules: Rules,
    progress: Arc<JournalProgress>,
    history: Arc<HistoryBudget>,
}

/// What an entry did to a remembered user.
#[derive(Debug)]
pub(crate) struct UserOutcome {
    /// When the user had something to forget before the entry, and when after it.
    pub(crate) due_times: (Option<Time>, Option<Time>),
    /// The number of events that were too far from their receipt to be applied.
    pub(crate) stale: u64,
    /// Whether one came after a later one of the same device.
    pub(crate) is_out_of_order: bool,
}

impl Users {
    /// No users yet. `recently_queried` says how many are kept because they were queried.
    pub(crate) fn new(
        rooms: Arc<Rooms>,
        rules: Rules,
        progress: Arc<JournalProgress>,
        history: Arc<HistoryBudget>,
        size: Arc<AppSize>,
        recently_queried: RecentlyQueried,
    ) -> Self {
        let table = Table::new(history.feed_limits(), history.history_bytes(), size);
        let remembered =
            RememberedUsers::new(table, rooms, Arc::clone(&progress), recently_queried);
        Self {
            remembered,
            watched: WatchedUsers::default(),
            rules,
            progress,
            history,
        }
    }

    /// Looks at a remembered user, while they are locked. `None` if nothing of them is remembered.
    pub(crate) fn look<T>(&self, id: &UserId, look: impl FnOnce(&User) -> T) -> Option<T> {
        let hold = self.table().get(id)?;
        let state = hold.cell().state.lock();
        Some(look(&state.subject))
    }

    /// The remembered users.
    pub(crate) fn table(&self) -> &Arc<Table<User>> {
        self.remembered.table()
    }

    /// The rules of reconciliation for users.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Locks the entry lock for a read. No entry is applied until the lock is released.
    fn pause(&self) -> Paused<'_> {
        self.progress.pause()
    }

    /// Forgets queries from before `until`.
    pub(crate) fn trim(&self, until: Time) {
        self.remembered.trim(until);
    }

    /// The number of users who may be in rooms, plus the number of users who are remembered.
    /// A user who is both counts twice.
    pub(crate) fn count(&self) -> usize {
        self.remembered.memberships.len() + self.table().len()
    }

    // === Entries ===

    /// The watched users who may have been in a life of a room that ended. The cost is
    /// proportional to the number of watched users or to that of the users of the room,
    /// whichever is smaller. No cell is locked.
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

    /// Applies all effects of an entry on one user. It is called once per entry and user, so
    /// that the effects become visible together. `None` if the user is not remembered.
    pub(crate) fn apply(
        &self,
        effects: &[UserEffect<'_>],
        position: EntryPosition,
        held: EntryLockHeld<'_>,
    ) -> Option<UserOutcome> {
        let id = effects.first()?.user.id();
        // Before memberships change, because a user that is inserted needs the rooms from
        // before the entry.
        let hold = self.find_affected(id, effects, position, held);
        self.note_memberships(effects);
        let hold = hold?;
        let (mut due_times, mut stale, mut lacks_leave) = ((None, None), 0, false);
        let mut is_out_of_order = false;
        publish(&self.history, &self.progress, &hold, position, |user| {
            due_times.0 = user.due_at(&self.rules);
            let mut changes = Vec::new();
            for UserEffect { kind, .. } in effects {
                lacks_leave |= kind.shows_unpublished_leave(user);
                is_out_of_order |= kind.is_out_of_order(user);
                match kind.apply(user, position.at, &self.rules) {
                    EventOutcome::Applied(applied) => changes.extend(applied),
                    EventOutcome::Stale => stale += 1,
                }
            }
            due_times.1 = user.due_at(&self.rules);
            changes
        });
        if lacks_leave {
            // The floor may be raised in a second step, because no user is read while an entry
            // is applied.
            let mut state = hold.cell().state.lock();
            state.feed.raise_floor(position.revision.saturating_sub(1));
        }
        Some(UserOutcome {
            due_times,
            stale,
            is_out_of_order,
        })
    }

    fn note_memberships(&self, effects: &[UserEffect<'_>]) {
        let memberships = &self.remembered.memberships;
        for UserEffect { user, kind, .. } in effects {
            let UserEffectKind::Membership(room, membership) = kind else {
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

    /// Holds the user that effects are on, if the user is remembered or has to be from now
    /// on.
    fn find_affected(
        &self,
        id: UserIdRef<'_>,
        effects: &[UserEffect<'_>],
        position: EntryPosition,
        held: EntryLockHeld<'_>,
    ) -> Option<Hold<User>> {
        if self.progress.is_replaying() {
            let stays: HashSet<_> = effects.iter().filter_map(|it| it.kind.stays_in()).collect();
            let stays_in = |room: &RoomId| stays.contains(room);
            Some(self.remembered.remember_in_replay(id, stays_in, held))
        } else if effects.iter().all(|it| it.kind.is_membership()) {
            self.table().get(id.as_str())
        } else {
            let before = position.revision.saturating_sub(1);
            Some(self.remembered.remember(id, before, held))
        }
    }

    /// Removes a room from a user whose life in the room ended at `revision` or later, unless
    /// the user is in the room again.
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

    /// Notes that a user is in a room that is restored.
    pub(crate) fn restore_membership(&self, member: &Member, room: &RoomId) {
        self.remembered.memberships.enter(member.into(), room);
    }

    /// Keeps a restored user remembered for a while, because a client that queried or watched
    /// the user before the restart may resume.
    pub(crate) fn keep_restored(&self, hold: Hold<User>, now: Time) {
        self.remembered.keep(hold, now);
    }

    /// Looks up the rooms of a restored user. It is called after all rooms are restored.
    pub(crate) fn find_restored_rooms(&self, id: &UserId, held: EntryLockHeld<'_>) {
        self.remembered.remember(id.borrowed(), 0, held);
    }
}
