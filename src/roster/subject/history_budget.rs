//! The limit on what all feeds remember together. The oldest changes of all feeds are
//! forgotten first, and no change is remembered for longer than the maximum age.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    fmt,
    sync::{
        Arc, Weak,
        atomic::{self, AtomicUsize},
    },
};

use parking_lot::Mutex;

use crate::{
    domain::Time,
    journal::Revision,
    roster::{
        limits::Limits,
        subject::{
            cell::{Cell, Subject},
            feed::FeedLimits,
            table::{Hold, Table},
        },
    },
};

/// When the feeds take more bytes than the limit, changes are forgotten until the feeds take
/// this part of the limit (1/1024) less than the limit. Otherwise each later entry would exceed
/// the limit again.
const FREED_PART: usize = 1024;

/// Limits the bytes that all feeds take together, and the age of changes. It finds the feed
/// with the oldest changes.
pub(crate) struct HistoryBudget {
    /// Each feed that remembers something, once, ordered by the revision of its oldest entry.
    /// A feed that forgets by itself is not moved at once: its revision here may be too low,
    /// until a trim corrects it. This is never locked together with a cell.
    feeds: Mutex<BinaryHeap<Reverse<RememberingFeed>>>,
    /// The bytes that all feeds take together.
    history_bytes: Arc<AtomicUsize>,
    limits: Limits,
}

/// A feed that remembers something, and the revision by which it is ordered.
struct RememberingFeed {
    oldest: Revision,
    feed: Box<dyn Forget>,
}

/// Finds a feed, and makes it forget changes.
trait Forget: Send + Sync {
    /// Forgets the entries from before `until`, and the entry at the revision `evicted` if
    /// it is the oldest. Returns how many were forgotten, and the revision of the oldest entry
    /// that is left.
    fn forget(&self, until: Time, evicted: Option<Revision>) -> (u64, Option<Revision>);
}

/// A weak reference to a feed.
struct FeedRef<S: Subject> {
    table: Weak<Table<S>>,
    id: S::Id,
    cell: Weak<Cell<S>>,
}

impl<S: Subject> FeedRef<S> {
    /// Holds the cell, if it is still in the table.
    fn find(&self) -> Option<Hold<S>> {
        let hold = self.table.upgrade()?.get(&self.id)?;
        std::ptr::eq(Arc::as_ptr(hold.cell()), self.cell.as_ptr()).then_some(hold)
    }
}

impl<S: Subject> Forget for FeedRef<S> {
    fn forget(&self, until: Time, evicted: Option<Revision>) -> (u64, Option<Revision>) {
        let Some(hold) = self.find() else {
            return (0, None);
        };
        let mut state = hold.cell().state.lock();
        let mut forgotten = 0;
        while let Some(oldest) = state.feed.oldest() {
            if oldest.at >= until && evicted != Some(oldest.revision) {
                return (forgotten, Some(oldest.revision));
            }
            state.feed.forget_oldest();
            forgotten += 1;
        }
        let revision = state.feed.revision();
        state.is_in_budget = false;
        hold.note_vacancy(&state, revision);
        (forgotten, None)
    }
}

impl HistoryBudget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            feeds: Mutex::default(),
            history_bytes: Arc::default(),
            limits,
        }
    }

    /// The limits of one feed.
    pub(crate) fn feed_limits(&self) -> FeedLimits {
        self.limits.feed.clone()
    }

    /// The counter of the bytes that all feeds take together.
    pub(crate) fn history_bytes(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.history_bytes)
    }

    /// Changes from before this time are too old to be remembered.
    pub(crate) fn remembered_since(&self, now: Time) -> Time {
        now.saturating_sub(self.limits.history_age_max)
    }

    /// Registers a feed that remembered nothing before. `oldest` is the revision of its oldest
    /// entry.
    pub(crate) fn remember<S: Subject>(&self, hold: &Hold<S>, oldest: Revision) {
        let feed = Box::new(FeedRef {
            table: Arc::downgrade(hold.table()),
            id: hold.id().clone(),
            cell: Arc::downgrade(hold.cell()),
        });
        self.feeds
            .lock()
            .push(Reverse(RememberingFeed { oldest, feed }));
    }

    /// Whether the feeds take more bytes than the limit.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.bytes() > self.limits.history_bytes_max
    }

    /// How many bytes the feeds may take after a trim that begins now.
    fn bytes_left(&self) -> usize {
        let bytes_max = self.limits.history_bytes_max;
        if self.is_exceeded() {
            bytes_max - bytes_max / FREED_PART
        } else {
            bytes_max
        }
    }

    fn bytes(&self) -> usize {
        self.history_bytes.load(atomic::Ordering::Relaxed)
    }

    /// Forgets changes that are too old. If the feeds take too many bytes, also forgets the
    /// oldest changes, until the feeds take a little less than the limit. Returns the number
    /// of entries that were forgotten before their time.
    pub(crate) fn trim(&self, now: Time) -> u64 {
        let until = self.remembered_since(now);
        let bytes_max = self.bytes_left();
        let mut evicted = 0;
        loop {
            let Some(Reverse(RememberingFeed { oldest, feed })) = self.feeds.lock().pop() else {
                return evicted;
            };
            let is_exceeded = self.bytes() > bytes_max;
            // Evicts only the entry at the noted revision. If the feed has forgotten that entry
            // by itself, its oldest entry may be newer than that of another feed.
            let (forgotten, left) = feed.forget(until, is_exceeded.then_some(oldest));
            evicted += u64::from(is_exceeded) * forgotten;
            if let Some(oldest) = left {
                self.feeds
                    .lock()
                    .push(Reverse(RememberingFeed { oldest, feed }));
                if forgotten == 0 && !is_exceeded && self.is_in_order(oldest) {
                    return evicted;
                }
            }
        }
    }

    /// Whether no feed is noted with a revision before `oldest`. If the entry at `oldest` is
    /// new enough, then the entries of all feeds are.
    fn is_in_order(&self, oldest: Revision) -> bool {
        let feeds = self.feeds.lock();
        feeds
            .peek()
            .is_none_or(|Reverse(first)| first.oldest >= oldest)
    }
}

impl fmt::Debug for HistoryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HistoryBudget")
            .field("bytes", &self.history_bytes)
            .finish_non_exhaustive()
    }
}

impl Ord for RememberingFeed {
    fn cmp(&self, other: &Self) -> Ordering {
        self.oldest.cmp(&other.oldest)
    }
}

impl PartialOrd for RememberingFeed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for RememberingFeed {
    fn eq(&self, other: &Self) -> bool {
        self.oldest == other.oldest
    }
}

impl Eq for RememberingFeed {}
