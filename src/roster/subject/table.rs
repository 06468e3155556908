//! All subjects of one kind, by id: a sharded map of cells.
//!
//! A shard of the map is locked only to find, insert or remove a cell. A cell is locked
//! with its shard locked before only if nobody holds it.

use std::{
    borrow::Borrow,
    fmt,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use dashmap::DashMap;

use crate::{
    journal::Revision,
    roster::{
        capture::Capturing,
        subject::{
            cell::{Cell, CellState, Subject},
            feed::{Feed, FeedLimits},
        },
    },
};

/// All subjects of one kind.
pub(crate) struct Table<S: Subject> {
    cells: DashMap<S::Id, Arc<Cell<S>>>,
    /// The latest revision at which a subject was forgotten. A subject that is not in
    /// the table has had no visible change since then; before, it may have had.
    forgotten_through: AtomicU64,
    capturing: Capturing<S>,
    feed_limits: FeedLimits,
    /// The bytes that all feeds take together.
    account: Arc<AtomicUsize>,
}

/// Keeps a subject's cell in the table. The cell of a forgotten subject leaves the
/// table with the last hold on it.
pub(crate) struct Hold<S: Subject> {
    table: Arc<Table<S>>,
    id: S::Id,
    cell: Arc<Cell<S>>,
}

/// Parts of the map with a lock of their own: going through all cells locks one of them
/// at a time.
const SHARDS: usize = 256;

impl<S: Subject> Table<S> {
    pub(crate) fn new(feed_limits: FeedLimits, account: Arc<AtomicUsize>) -> Self {
        Self {
            cells: DashMap::with_shard_amount(SHARDS),
            forgotten_through: AtomicU64::new(0),
            capturing: Capturing::default(),
            feed_limits,
            account,
        }
    }

    /// A subject, if anything is remembered of it or it is being watched.
    pub(crate) fn get<Q>(self: &Arc<Self>, id: &Q) -> Option<Hold<S>>
    where
        S::Id: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let entry = self.cells.get(id)?;
        Some(self.hold(entry.key(), entry.value()))
    }

    /// A subject, kept from now on at least as long as the hold.
    pub(crate) fn get_or_insert(self: &Arc<Self>, id: &S::Id) -> Hold<S> {
        if let Some(hold) = self.get(id) {
            return hold;
        }
        let entry = self.cells.entry(id.clone());
        // The floor is read while the shard is locked: had the subject been
        // forgotten after that, its cell would still be here.
        let entry = entry.or_insert_with(|| {
            let feed = Feed::new(self.forgotten_through(), Arc::clone(&self.account));
            Arc::new(Cell::new(feed, self.capturing.number()))
        });
        self.hold(entry.key(), entry.value())
    }

    /// All cells. Those that come or go meanwhile may be among them or not.
    pub(crate) fn cells(&self) -> Vec<(S::Id, Arc<Cell<S>>)> {
        let cells = self.cells.iter();
        cells
            .map(|entry| (entry.key().clone(), Arc::clone(entry.value())))
            .collect()
    }

    pub(crate) fn capturing(&self) -> &Capturing<S> {
        &self.capturing
    }

    pub(crate) fn account(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.account)
    }

    /// What one feed may hold.
    pub(crate) fn feed_limits(&self) -> &FeedLimits {
        &self.feed_limits
    }

    /// The latest revision at which a subject was forgotten.
    pub(crate) fn forgotten_through(&self) -> Revision {
        self.forgotten_through.load(Ordering::Acquire)
    }

    /// Notes that a subject was forgotten.
    pub(crate) fn note_forgotten(&self, revision: Revision) {
        self.forgotten_through.fetch_max(revision, Ordering::AcqRel);
    }

    /// How many subjects there are.
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Holds a cell, whose shard the caller has locked. The id is a clone of the
    /// table's own, so that a subject has one allocation of it.
    fn hold(self: &Arc<Self>, id: &S::Id, cell: &Arc<Cell<S>>) -> Hold<S> {
        cell.add_hold();
        Hold {
            table: Arc::clone(self),
            id: id.clone(),
            cell: Arc::clone(cell),
        }
    }
}

impl<S: Subject> Hold<S> {
    pub(crate) fn cell(&self) -> &Arc<Cell<S>> {
        &self.cell
    }

    pub(crate) fn table(&self) -> &Arc<Table<S>> {
        &self.table
    }

    pub(crate) fn id(&self) -> &S::Id {
        &self.id
    }

    /// Whether the subject is forgotten, so that its cell leaves with the last hold.
    pub(crate) fn is_vacant(&self) -> bool {
        self.cell.is_vacant()
    }

    /// Keeps a copy of the subject for a capture that has not taken it yet. To be called
    /// before the subject changes, while `state` is locked.
    pub(crate) fn keep_past(&self, state: &mut CellState<S>) {
        self.table.capturing.keep(&self.id, state);
    }

    /// Notes whether the subject is forgotten, while `state` is locked.
    pub(crate) fn note_vacancy(&self, state: &CellState<S>, revision: Revision) {
        let is_vacant = state.subject.is_vacant(state.feed.oldest().is_some());
        if self.cell.note_vacancy(is_vacant) {
            // The floor may be later: it also covers changes that were not published.
            self.table.note_forgotten(revision.max(state.feed.floor()));
        }
    }
}

impl<S: Subject> Drop for Hold<S> {
    fn drop(&mut self) {
        if self.cell.release_hold() {
            // Looked at again while the shard is locked.
            self.table.cells.remove_if(&self.id, |_, cell| {
                let is_removable = cell.is_removable();
                if is_removable {
                    self.table.note_forgotten(cell.state.lock().feed.floor());
                }
                is_removable
            });
        }
    }
}

impl<S: Subject> fmt::Debug for Hold<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hold").field(&self.id).finish()
    }
}
