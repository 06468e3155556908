//! When each room and each user next has something to forget.

use std::collections::BTreeSet;

use crate::domain::{AppName, RoomId, Time, UserId};

/// The most subjects that one tick handles. A tick must not delay the callbacks after it for
/// long. The next tick comes a second later.
const DUE_MAX: usize = 4096;

/// A room or a user that has something to forget.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DueSubject {
    /// A room.
    Room(RoomId),
    /// A user.
    User(UserId),
}

/// All subjects that have something to forget, ordered by the time at which it is due. What
/// is forgotten is part of the state, so which tick forgets a subject depends on the journal
/// alone.
#[derive(Debug, Default)]
pub(crate) struct ForgettingSchedule {
    due_times: BTreeSet<(Time, AppName, DueSubject)>,
}

impl ForgettingSchedule {
    /// Changes the due time of a subject.
    pub(crate) fn put(
        &mut self,
        app: &AppName,
        subject: impl FnOnce() -> DueSubject,
        (before, after): (Option<Time>, Option<Time>),
    ) {
        if before == after {
            return;
        }
        let subject = subject();
        before.map(|due_at| {
            self.due_times
                .remove(&(due_at, app.clone(), subject.clone()))
        });
        after.map(|due_at| self.due_times.insert((due_at, app.clone(), subject)));
    }

    /// When the first subject is due.
    pub(crate) fn first(&self) -> Option<Time> {
        self.due_times.first().map(|(due_at, ..)| *due_at)
    }

    /// The first subjects that are due by `now`, at most [`DUE_MAX`].
    pub(crate) fn due(&self, now: Time) -> Vec<(AppName, DueSubject)> {
        let due = self
            .due_times
            .iter()
            .take_while(|(due_at, ..)| *due_at <= now);
        due.take(DUE_MAX)
            .map(|(_, app, subject)| (app.clone(), subject.clone()))
            .collect()
    }
}
