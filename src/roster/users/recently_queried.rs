//! Users who were asked for lately: what happens to them is remembered, so that
//! whoever asked can go on from there. What happens to the others nobody can miss,
//! so it is not remembered at all.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use crate::{
    domain::{Time, UserId},
    reconcile::user::User,
    roster::subject::table::Hold,
};

/// Users of one app that are kept because they were asked for; the one who was
/// longest ago goes first. A query is cheap, so what it leaves behind is bounded:
/// about a kilobyte each.
const RECENTLY_QUERIED_MAX: usize = 65_536;

/// Users who were asked for, each held once.
#[derive(Debug, Default)]
pub(in crate::roster) struct RecentlyQueried {
    held: HashMap<UserId, (Hold<User>, Time)>,
    /// When each was to be looked at again, in order.
    queue: VecDeque<(Time, UserId)>,
}

impl RecentlyQueried {
    /// Keeps a user who is asked for now.
    pub(in crate::roster) fn note(&mut self, hold: Hold<User>, now: Time) {
        if let Some((_, queried_at)) = self.held.get_mut(hold.id()) {
            *queried_at = now.max(*queried_at);
            return;
        }
        let user = hold.id().clone();
        self.held.insert(user.clone(), (hold, now));
        self.queue.push_back((now, user));
        while self.held.len() > RECENTLY_QUERIED_MAX
            && let Some((at, user)) = self.queue.pop_front()
        {
            self.look_again(user, at.saturating_add(Duration::from_millis(1)));
        }
    }

    /// Lets go of those who were last asked for before `until`.
    pub(in crate::roster) fn trim(&mut self, until: Time) {
        while let Some((at, _)) = self.queue.front()
            && *at < until
            && let Some((_, user)) = self.queue.pop_front()
        {
            self.look_again(user, until);
        }
    }

    /// Lets go of a user, unless he was asked for again since.
    fn look_again(&mut self, user: UserId, since: Time) {
        let last = self.held.get(&user).map(|(_, queried_at)| *queried_at);
        match last.filter(|queried_at| *queried_at >= since) {
            Some(queried_at) => self.queue.push_back((queried_at, user)),
            None => drop(self.held.remove(&user)),
        }
    }
}
