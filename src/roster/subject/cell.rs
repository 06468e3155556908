//! One room or user with its latest changes, under its own lock.
//!
//! A cell is locked only to apply one entry or to take a snapshot, which costs a few
//! reference counts. So a reader does not delay the writer, however large the room is.

use std::{
    fmt,
    hash::Hash,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::reconcile::Footprint;

use super::{entry_changes::EstimatedSize, feed::Feed};

/// A subject: a room or a user, which can be queried and watched.
pub trait Subject: Default + fmt::Debug + Send + 'static {
    /// The id of the subject.
    type Id: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static;
    /// One visible change of the subject.
    type Change: EstimatedSize + fmt::Debug + Send + Sync + 'static;

    /// Whether the subject is forgotten, so that it need not be kept in the table.
    /// `has_history` says whether its latest changes are still remembered.
    fn is_vacant(&self, has_history: bool) -> bool;

    /// A copy for a checkpoint. It contains the evidence. What follows from the evidence may be
    /// missing. The copy has to be quick, because an entry waits for it.
    #[must_use]
    fn evidence(&self) -> Self;

    /// What is kept of the subject, beside its evidence, only because its latest changes are
    /// remembered: an estimate, in bytes. It counts as history.
    fn kept_bytes(id: &Self::Id) -> usize;

    /// What the evidence takes.
    fn footprint(&self, id: &Self::Id) -> Footprint;
}

/// One subject and its latest changes.
pub(crate) struct Cell<S: Subject> {
    /// It is never locked across an await. The order of locks is in
    /// [the header of `users`](crate::roster::users).
    pub(crate) state: Mutex<CellState<S>>,
    /// Notified after a visible change, to wake the watches.
    pub(crate) changed: Notify,
    /// The number of holds on the cell. It rises from zero only while the shard of the cell is
    /// locked.
    holds: AtomicUsize,
    /// Whether the subject is forgotten. Then the last hold removes the cell when it is
    /// dropped.
    is_vacant: AtomicBool,
}

/// The part of a cell that its lock protects.
pub(crate) struct CellState<S: Subject> {
    pub(crate) subject: S,
    pub(crate) feed: Feed<S::Change>,
    /// Whether the feed is registered in the [history budget](super::history_budget).
    pub(crate) is_in_budget: bool,
    /// The number of the last capture that took the subject.
    pub(crate) captured: u64,
}

impl<S: Subject> Cell<S> {
    /// A subject without evidence. `captured` is the number of the capture that does not need
    /// to take it.
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

    /// Counts one more hold. The caller has locked the shard of the cell.
    pub(super) fn add_hold(&self) {
        self.holds.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts one hold less. Returns whether it was the last hold on a forgotten subject.
    pub(super) fn release_hold(&self) -> bool {
        let is_last = self.holds.fetch_sub(1, Ordering::AcqRel) == 1;
        is_last && self.is_vacant()
    }

    /// Whether the cell can be removed. The caller has locked the shard of the cell, so no
    /// hold can begin.
    pub(super) fn is_removable(&self) -> bool {
        self.holds.load(Ordering::Acquire) == 0 && self.is_vacant()
    }

    /// Whether the subject is forgotten.
    pub(super) fn is_vacant(&self) -> bool {
        self.is_vacant.load(Ordering::Acquire)
    }

    /// Notes whether the subject is forgotten. Returns whether it has just become so.
    pub(super) fn note_vacancy(&self, is_vacant: bool) -> bool {
        let was_vacant = self.is_vacant.swap(is_vacant, Ordering::AcqRel);
        is_vacant && !was_vacant
    }
}
