//! When each room and each user has something to forget next.

use std::collections::BTreeSet;

use crate::domain::{AppName, RoomId, Time, UserId};

/// The most subjects of which one tick forgets something: a tick must not hold up the
/// callbacks after it. The next tick is a second away.
const DUE_MAX: usize = 4096;

/// A room or a user that has something to forget.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Forgetful {
    /// A room.
    Room(RoomId),
    /// A user.
    User(UserId),
}

/// All subjects that have a due time, by that time. Forgetting is part of the state, so
/// which tick forgets what must not depend on anything else.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    dues: BTreeSet<(Time, AppName, Forgetful)>,
}

impl Schedule {
    /// Moves a subject from one due time to another.
    pub(crate) fn put(
        &mut self,
        app: &AppName,
        subject: impl FnOnce() -> Forgetful,
        (before, after): (Option<Time>, Option<Time>),
    ) {
        if before == after {
            return;
        }
        let subject = subject();
        before.map(|due_at| self.dues.remove(&(due_at, app.clone(), subject.clone())));
        after.map(|due_at| self.dues.insert((due_at, app.clone(), subject)));
    }

    /// When the first is due.
    pub(crate) fn first(&self) -> Option<Time> {
        self.dues.first().map(|(due_at, ..)| *due_at)
    }

    /// The first subjects that are due by `now`, at most [`DUE_MAX`].
    pub(crate) fn due(&self, now: Time) -> Vec<(AppName, Forgetful)> {
        let due = self.dues.iter().take_while(|(due_at, ..)| *due_at <= now);
        due.take(DUE_MAX)
            .map(|(_, app, subject)| (app.clone(), subject.clone()))
            .collect()
    }
}
