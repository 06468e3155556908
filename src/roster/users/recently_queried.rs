//! Users who were queried recently. They are kept in the table, so that their changes are
//! remembered, and a client can begin a watch where the answer to its query ended.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;

use crate::{
    domain::{RoomId, Time, UserId},
    reconcile::user::User,
    roster::subject::{cell::Subject as _, table::Hold},
};

/// The most users of one app that are kept because they were queried. When there are more, the
/// one that was queried longest ago is dropped.
const QUERIED_MAX: usize = 65_536;

/// What a user takes for each room that they may be in: its place in an ordered tree. The name is
/// the room's.
const ROOM_BYTES: usize = size_of::<(RoomId, Option<Time>)>() * 3 / 2;

/// The most users that are released while the lock is held, so that no query waits for long.
const RELEASED_AT_ONCE: usize = 256;

/// Users who were queried recently.
#[derive(Debug)]
pub(crate) struct RecentlyQueried {
    bytes_max: usize,
    /// Counts those who are dropped before their time.
    forgotten: Counter,
    queried: Mutex<Queried>,
}

#[derive(Debug, Default)]
struct Queried {
    held: HashMap<UserId, Kept>,
    /// The users by their latest query, the one longest ago first.
    order: BTreeMap<u64, UserId>,
    /// The number of the next query.
    next: u64,
    /// What all users take.
    bytes: usize,
}

/// A user who is kept.
#[derive(Debug)]
struct Kept {
    hold: Hold<User>,
    queried_at: Time,
    /// The number of the latest query.
    number: u64,
    /// What the user took then.
    bytes: usize,
}

impl RecentlyQueried {
    /// Keeps users who take at most so many bytes together, and one user in any case. Counts
    /// those who are dropped before their time.
    pub(crate) fn new(bytes_max: usize, forgotten: Counter) -> Self {
        Self {
            bytes_max,
            forgotten,
            queried: Mutex::default(),
        }
    }

    /// Keeps a user who is queried now. Those who have to go for them are not more than what was
    /// added before.
    pub(super) fn note(&self, hold: Hold<User>, now: Time) {
        let bytes = bytes_of(&hold);
        // Dropped after the lock is released, because the last hold removes the user from the
        // table.
        let mut released = Vec::new();
        let mut queried = self.queried.lock();
        released.extend(queried.add(hold, now, bytes));
        while queried.held.len() > 1
            && (queried.held.len() > QUERIED_MAX || queried.bytes > self.bytes_max)
        {
            released.extend(queried.release_first());
            self.forgotten.inc();
        }
        drop(queried);
    }

    /// Releases the users who were last queried before `until`.
    pub(super) fn trim(&self, until: Time) {
        while !self.trim_some(until).is_empty() {}
    }

    /// Takes out some of the users who were last queried before `until`, if there are any.
    fn trim_some(&self, until: Time) -> Vec<Hold<User>> {
        let mut queried = self.queried.lock();
        let mut released = Vec::new();
        while released.len() < RELEASED_AT_ONCE && queried.is_first_before(until) {
            released.extend(queried.release_first());
        }
        released
    }
}

impl Queried {
    /// Adds a user, or moves them to the end of the order. Returns a hold that is not needed.
    fn add(&mut self, hold: Hold<User>, now: Time, bytes: usize) -> Option<Hold<User>> {
        let (user, number) = (hold.id().clone(), self.next);
        self.next += 1;
        self.bytes += bytes;
        self.order.insert(number, user.clone());
        let kept = Kept {
            hold,
            queried_at: now,
            number,
            bytes,
        };
        let before = self.held.insert(user, kept)?;
        self.bytes -= before.bytes;
        self.order.remove(&before.number);
        Some(before.hold)
    }

    fn is_first_before(&self, until: Time) -> bool {
        let first = self.order.first_key_value();
        let first = first.and_then(|(_, user)| self.held.get(user));
        first.is_some_and(|kept| kept.queried_at < until)
    }

    /// Takes out the user who was queried longest ago.
    fn release_first(&mut self) -> Option<Hold<User>> {
        let (_, user) = self.order.pop_first()?;
        let kept = self.held.remove(&user)?;
        self.bytes -= kept.bytes;
        Some(kept.hold)
    }
}

/// What a user takes who is kept because of a query.
fn bytes_of(hold: &Hold<User>) -> usize {
    let rooms = hold.cell().state.lock().subject.rooms().len();
    User::kept_bytes(hold.id()) + rooms * ROOM_BYTES
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::roster::{
        Limits,
        size::{AppSize, Size},
        subject::{history_budget::HistoryBudget, table::Table},
    };

    fn table() -> Arc<Table<User>> {
        let history = HistoryBudget::new(Limits::default());
        let metrics = crate::roster::Metrics::default();
        let size = AppSize::new(Arc::new(Size::default()), metrics.size(&"arena".into()));
        let table = Table::new(history.feed_limits(), history.history_bytes(), size.into());
        Arc::new(table)
    }

    fn recently_queried(bytes_max: usize) -> RecentlyQueried {
        RecentlyQueried::new(bytes_max, Counter::default())
    }

    fn at(millis: u64) -> Time {
        Time::from_millis(1_000 + millis).unwrap()
    }

    /// Queries a user of this number, whose id is so long.
    fn query(
        recent: &RecentlyQueried,
        table: &Arc<Table<User>>,
        number: usize,
        length: usize,
        now: u64,
    ) {
        let id = format!("{number:0length$}");
        recent.note(table.get_or_insert(&id.as_str().into()), at(now));
    }

    proptest! {
        /// Those are kept who were queried last, as many as fit; each by the latest query.
        #[test]
        fn the_latest_are_kept_that_fit(
            queries in prop::collection::vec((0..20_usize, 0..3_usize), 1..100),
            fitting in 1..10_usize,
        ) {
            const LENGTH: usize = 64;
            let each = User::kept_bytes(&"0".repeat(LENGTH).as_str().into());
            let (table, recent) = (table(), recently_queried(fitting * each));
            let (mut now, mut latest) = (0, Vec::<usize>::new());
            for (number, passes) in queries {
                now += passes as u64;
                query(&recent, &table, number, LENGTH, now);
                latest.retain(|other| *other != number);
                latest.push(number);
                latest.drain(..latest.len().saturating_sub(fitting));
                prop_assert_eq!(table.len(), latest.len());
                let all_kept = latest.iter().all(|number| table.get(&*format!("{number:064}")).is_some());
                prop_assert!(all_kept);
            }
            recent.trim(at(now + 1));
            prop_assert_eq!(table.len(), 0);
            prop_assert_eq!(recent.queried.lock().bytes, 0);
        }
    }

    #[test]
    fn users_with_long_ids_and_many_rooms_are_fewer() {
        let (table, recent) = (table(), recently_queried(1 << 20));
        for number in 0..2_000 {
            query(&recent, &table, number, 1_024, 0);
        }
        let kept = table.len();
        assert!(kept * 1_024 < 1 << 20, "{kept}");
        assert!(kept > 400, "{kept}");
        assert_eq!(recent.forgotten.get(), 2_000 - kept as u64);
        let hold = table.get_or_insert(&"busy".into());
        let rooms = (0..10_000).map(|number| (RoomId::from(&*number.to_string()), None));
        hold.cell().state.lock().subject.set_rooms(rooms.collect());
        recent.note(hold, at(0));
        assert!(table.len() < kept - 100, "{}", table.len());
        assert!(table.get("busy").is_some());
    }

    #[test]
    fn no_query_looks_through_those_that_were_queried_again() {
        let (table, recent) = (table(), recently_queried(usize::MAX));
        for now in 0..2 {
            for number in 0..1_000 {
                query(&recent, &table, number, 8, now);
            }
        }
        assert_eq!(recent.queried.lock().order.len(), 1_000);
        recent.trim(at(1));
        assert_eq!(table.len(), 1_000);
        assert_eq!(recent.forgotten.get(), 0);
        assert_eq!(recent.trim_some(at(2)).len(), RELEASED_AT_ONCE);
    }
}
