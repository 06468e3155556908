//! Users who were queried recently. They are kept in the table, so that their changes are
//! remembered, and a client can begin a watch where the answer to its query ended.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use parking_lot::Mutex;

use crate::{
    domain::{Time, UserId},
    reconcile::user::User,
    roster::subject::table::Hold,
};

/// The most users of one app that are kept because they were queried. When there are more, the
/// one that was queried longest ago is dropped. A user takes about a kilobyte.
const QUERIED_MAX: usize = 65_536;

/// Users who were queried recently.
#[derive(Debug, Default)]
pub(super) struct RecentlyQueried {
    queried: Mutex<Queried>,
}

#[derive(Debug, Default)]
struct Queried {
    /// The users, each with the time of the last query.
    held: HashMap<UserId, (Hold<User>, Time)>,
    /// The times at which to check each user, in order.
    queue: VecDeque<(Time, UserId)>,
}

impl RecentlyQueried {
    /// Keeps a user who is queried now.
    pub(super) fn note(&self, hold: Hold<User>, now: Time) {
        // Dropped after the lock is released, because the last hold removes the user from the
        // table.
        let mut released = Vec::new();
        let mut queried = self.queried.lock();
        if let Some((_, queried_at)) = queried.held.get_mut(hold.id()) {
            *queried_at = now.max(*queried_at);
            released.push(hold);
        } else {
            let user = hold.id().clone();
            queried.queue.push_back((now, user.clone()));
            queried.held.insert(user, (hold, now));
        }
        while queried.held.len() > QUERIED_MAX
            && let Some((at, user)) = queried.queue.pop_front()
        {
            let since = at.saturating_add(Duration::from_millis(1));
            released.extend(queried.release(user, since));
        }
        drop(queried);
    }

    /// Releases the users who were last queried before `until`.
    pub(super) fn trim(&self, until: Time) {
        let mut released = Vec::new();
        let mut queried = self.queried.lock();
        while let Some((at, _)) = queried.queue.front()
            && *at < until
            && let Some((_, user)) = queried.queue.pop_front()
        {
            released.extend(queried.release(user, until));
        }
        drop(queried);
    }
}

impl Queried {
    /// Releases a user, unless the user was queried again at `since` or later.
    fn release(&mut self, user: UserId, since: Time) -> Option<Hold<User>> {
        let (_, queried_at) = self.held.get(&user)?;
        if *queried_at >= since {
            self.queue.push_back((*queried_at, user));
            return None;
        }
        self.held.remove(&user).map(|(hold, _)| hold)
    }
}
