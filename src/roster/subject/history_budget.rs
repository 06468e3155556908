//! The bound on what all feeds remember together: the oldest update of all goes
//! first, and none outlives its age.

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

/// When the feeds take more than they may, this part of the limit is freed beyond it.
/// Otherwise every entry after that would have to look for the oldest update.
const FREED_PART: usize = 1024;

/// Bounds what all feeds take together. It finds the feed with the oldest update.
pub(crate) struct HistoryBudget {
    /// Every feed that remembers something, once, by its oldest update or one before
    /// that: a feed that forgets by itself keeps its place here, which is corrected
    /// when its turn comes. Never locked together with a cell.
    feeds: Mutex<BinaryHeap<Reverse<Remembering>>>,
    /// The bytes that all feeds take together.
    account: Arc<AtomicUsize>,
    limits: Limits,
}

/// A feed that remembers something.
struct Remembering {
    oldest: Revision,
    feed: Box<dyn Forget>,
}

/// Finds a feed and lets it forget.
trait Forget: Send + Sync {
    /// Forgets the updates from before `until` and the one at `evicted`, if that
    /// is the oldest. Returns how many, and the oldest that is left.
    fn forget(&self, until: Time, evicted: Option<Revision>) -> (u64, Option<Revision>);
}

/// Refers to a feed without keeping it.
struct FeedRef<S: Subject> {
    table: Weak<Table<S>>,
    id: S::Id,
    cell: Weak<Cell<S>>,
}

impl<S: Subject> FeedRef<S> {
    /// Holds the cell, if it is still the same.
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
            account: Arc::default(),
            limits,
        }
    }

    /// What one feed may hold.
    pub(crate) fn feed_limits(&self) -> FeedLimits {
        self.limits.feed.clone()
    }

    /// Counts the bytes that feeds take.
    pub(crate) fn account(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.account)
    }

    /// From when on changes are remembered.
    pub(crate) fn remembered_since(&self, now: Time) -> Time {
        now.saturating_sub(self.limits.history_age_max)
    }

    /// Notes that a feed which remembered nothing now remembers something.
    pub(crate) fn remember<S: Subject>(&self, hold: &Hold<S>, oldest: Revision) {
        let feed = Box::new(FeedRef {
            table: Arc::downgrade(hold.table()),
            id: hold.id().clone(),
            cell: Arc::downgrade(hold.cell()),
        });
        self.feeds
            .lock()
            .push(Reverse(Remembering { oldest, feed }));
    }

    /// Whether the feeds take more than they may.
    pub(crate) fn is_over(&self) -> bool {
        self.bytes() > self.limits.history_bytes_max
    }

    /// How many bytes a trim that begins now may leave.
    fn bytes_left(&self) -> usize {
        let bytes_max = self.limits.history_bytes_max;
        if self.is_over() {
            bytes_max - bytes_max / FREED_PART
        } else {
            bytes_max
        }
    }

    fn bytes(&self) -> usize {
        self.account.load(atomic::Ordering::Relaxed)
    }

    /// Forgets what is too old. If the feeds take too much, also forgets the oldest, until
    /// there is a little room. Returns how many updates were forgotten before their time.
    pub(crate) fn trim(&self, now: Time) -> u64 {
        let until = self.remembered_since(now);
        let bytes_max = self.bytes_left();
        let mut evicted = 0;
        loop {
            let Some(Reverse(Remembering { oldest, feed })) = self.feeds.lock().pop() else {
                return evicted;
            };
            let is_over = self.bytes() > bytes_max;
            // Only the update that it is known by: if the feed has forgotten that by
            // itself, its next may be younger than that of another feed.
            let (forgotten, left) = feed.forget(until, is_over.then_some(oldest));
            evicted += u64::from(is_over) * forgotten;
            if let Some(oldest) = left {
                self.feeds
                    .lock()
                    .push(Reverse(Remembering { oldest, feed }));
                if forgotten == 0 && !is_over && self.is_in_order(oldest) {
                    return evicted;
                }
            }
        }
    }

    /// Whether no feed has its place by an update from before `oldest`. If that is young
    /// enough, all are.
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
            .field("bytes", &self.account)
            .finish_non_exhaustive()
    }
}

impl Ord for Remembering {
    fn cmp(&self, other: &Self) -> Ordering {
        self.oldest.cmp(&other.oldest)
    }
}

impl PartialOrd for Remembering {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Remembering {
    fn eq(&self, other: &Self) -> bool {
        self.oldest == other.oldest
    }
}

impl Eq for Remembering {}
