//! Users that were queried lately. They are kept, and so what happens to them is
//! remembered: whoever queried can watch from the answer on.

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

/// The most users of one app that are kept because they were queried; the one that was
/// queried longest ago goes first. A query is cheap, so what it leaves behind is
/// bounded: about a kilobyte each.
const QUERIED_MAX: usize = 65_536;

/// Users that were queried lately.
#[derive(Debug, Default)]
pub(super) struct RecentlyQueried {
    queried: Mutex<Queried>,
}

#[derive(Debug, Default)]
struct Queried {
    /// Each with when it was queried last.
    held: HashMap<UserId, (Hold<User>, Time)>,
    /// When to look at each again, in order.
    queue: VecDeque<(Time, UserId)>,
}

impl RecentlyQueried {
    /// Keeps a user that is queried now.
    pub(super) fn note(&self, hold: Hold<User>, now: Time) {
        // Dropped once nothing is locked: the last hold on a user removes them.
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

    /// Lets go of those that were last queried before `until`.
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
    /// Lets go of a user, unless it was queried again at `since` or later.
    fn release(&mut self, user: UserId, since: Time) -> Option<Hold<User>> {
        let (_, queried_at) = self.held.get(&user)?;
        if *queried_at >= since {
            self.queue.push_back((*queried_at, user));
            return None;
        }
        self.held.remove(&user).map(|(hold, _)| hold)
    }
}
