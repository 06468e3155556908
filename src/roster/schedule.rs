//! When which room has something to forget.

use std::collections::BTreeSet;

use crate::event::{AppName, RoomId, Time};

/// Rooms that one tick forgets something of: what it does must not hold up the
/// callbacks that come after it. The next tick is a second away.
const DUE_MAX: usize = 4096;

/// Exactly those rooms that have a due time, by that time: forgetting is part of
/// the state, so which tick forgets what must not depend on anything else.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    dues: BTreeSet<(Time, AppName, RoomId)>,
}

impl Schedule {
    /// Moves a room from one due time to another.
    pub(super) fn put(
        &mut self,
        app: &AppName,
        room: &RoomId,
        before: Option<Time>,
        after: Option<Time>,
    ) {
        if before == after {
            return;
        }
        before.map(|due_at| self.dues.remove(&(due_at, app.clone(), room.clone())));
        after.map(|due_at| self.dues.insert((due_at, app.clone(), room.clone())));
    }

    /// When the first is due.
    pub(super) fn first(&self) -> Option<Time> {
        self.dues.first().map(|(due_at, ..)| *due_at)
    }

    /// Rooms that are due by `now`, at most [`DUE_MAX`]: the first ones.
    pub(super) fn due(&self, now: Time) -> Vec<(AppName, RoomId)> {
        let due = self.dues.iter().take_while(|(due_at, ..)| *due_at <= now);
        due.take(DUE_MAX)
            .map(|(_, app, room)| (app.clone(), room.clone()))
            .collect()
    }
}
