//! One room or user with its latest changes, under a lock of its own.
//!
//! A cell is locked only to apply one entry or to take a snapshot, which is a few
//! reference counts. So no reader holds up the writer, whatever it reads.

use std::{
    fmt,
    hash::Hash,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{entry_changes::Weigh, feed::Feed};

/// What can be queried and watched: a room or a user.
pub trait Subject: Default + fmt::Debug + Send + 'static {
    /// What it is found by.
    type Id: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static;
    /// One visible change of it.
    type Change: Weigh + fmt::Debug + Send + Sync + 'static;

    /// Whether nothing is remembered of it, so that it need not be kept. `has_history`
    /// says whether its latest changes are still remembered.
    fn is_vacant(&self, has_history: bool) -> bool;

    /// A copy for a checkpoint. It has the evidence; what follows from it may be missing.
    /// Taken while an entry waits, so it must be quick.
    #[must_use]
    fn evidence(&self) -> Self;
}

/// One subject and its latest changes.
pub(crate) struct Cell<S: Subject> {
    /// Never held across an await. The order of locks is in
    /// [the header of `users`](crate::roster::users).
    pub(crate) state: Mutex<CellState<S>>,
    /// Wakes the watches, after the state has changed.
    pub(crate) changed: Notify,
    /// Holds on the cell. Only rises from zero while the shard of the cell is locked.
    holds: AtomicUsize,
    /// Whether the subject is forgotten, so that the last hold removes the cell.
    is_vacant: AtomicBool,
}

/// What the lock of a cell guards.
pub(crate) struct CellState<S: Subject> {
    pub(crate) subject: S,
    pub(crate) feed: Feed<S::Change>,
    /// Whether the bound on all history knows of the feed.
    pub(crate) is_in_budget: bool,
    /// The last capture that took the subject.
    pub(crate) captured: u64,
}

impl<S: Subject> Cell<S> {
    /// A subject of which nothing is known. `captured` is the capture that it counts as
    /// taken by.
    pub(super) fn new(feed: Feed<S::Change>, captured: u64) -> Self {
        Self {
            state: Mutex::new(CellState {
                subject: S::default(),
                feed,
                is_in_budget: false,
                captured,
            }),
            changed: Notify::new(),
            holds: AtomicUsize::new(0),
            is_vacant: AtomicBool::new(true),
        }
    }

    /// Counts a hold. The shard of the cell is locked.
    pub(super) fn add_hold(&self) {
        self.holds.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts a hold less. Says whether it was the last on a forgotten subject.
    pub(super) fn release_hold(&self) -> bool {
        let is_last = self.holds.fetch_sub(1, Ordering::AcqRel) == 1;
        is_last && self.is_vacant()
    }

    /// Whether the cell can be removed. The shard of the cell is locked, so no hold can
    /// begin.
    pub(super) fn is_removable(&self) -> bool {
        self.holds.load(Ordering::Acquire) == 0 && self.is_vacant()
    }

    /// Whether the subject is forgotten.
    pub(super) fn is_vacant(&self) -> bool {
        self.is_vacant.load(Ordering::Acquire)
    }

    /// Notes whether the subject is forgotten. Says whether it is, and was not before.
    pub(super) fn note_vacancy(&self, is_vacant: bool) -> bool {
        let was_vacant = self.is_vacant.swap(is_vacant, Ordering::AcqRel);
        is_vacant && !was_vacant
    }
}
