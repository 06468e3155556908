//! A table of all rooms or all users of an app: a sharded map from ids to cells.
//!
//! A shard of the map is locked only to find, insert or remove a cell. While a shard is
//! locked, a cell of it is locked only if there is no hold on the cell.

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
        capture::TableCapture,
        size::AppSize,
        subject::{
            cell::{Cell, CellState, Subject},
            feed::{Feed, FeedLimits},
        },
    },
};

/// All rooms or all users of an app.
pub(crate) struct Table<S: Subject> {
    cells: DashMap<S::Id, Arc<Cell<S>>>,
    /// The number of cells, so that it is read without a lock.
    count: AtomicUsize,
    /// The latest revision at which a subject was forgotten. A subject that is not in the table
    /// has had no visible change after it, but may have had changes before.
    forgotten_through: AtomicU64,
    capture: TableCapture<S>,
    feed_limits: FeedLimits,
    /// The bytes that all feeds take together.
    history_bytes: Arc<AtomicUsize>,
    size: Arc<AppSize>,
}

/// A counted reference to a cell, which keeps the cell in the table. The cell of a forgotten
/// subject is removed when the last hold on it is dropped.
pub(crate) struct Hold<S: Subject> {
    table: Arc<Table<S>>,
    id: S::Id,
    cell: Arc<Cell<S>>,
}

/// The number of shards, each of which has its own lock. To go through all cells locks one
/// shard at a time.
const SHARDS: usize = 256;

impl<S: Subject> Table<S> {
    pub(crate) fn new(
        feed_limits: FeedLimits,
        history_bytes: Arc<AtomicUsize>,
        size: Arc<AppSize>,
    ) -> Self {
        Self {
            cells: DashMap::with_shard_amount(SHARDS),
            count: AtomicUsize::new(0),
            forgotten_through: AtomicU64::new(0),
            capture: TableCapture::default(),
            feed_limits,
            history_bytes,
            size,
        }
    }

    /// Holds a subject, if it is remembered or watched.
    pub(crate) fn get<Q>(self: &Arc<Self>, id: &Q) -> Option<Hold<S>>
    where
        S::Id: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let entry = self.cells.get(id)?;
        Some(self.hold(entry.key(), entry.value()))
    }

    /// Holds a subject. It is inserted if it is not in the table.
    pub(crate) fn get_or_insert(self: &Arc<Self>, id: &S::Id) -> Hold<S> {
        if let Some(hold) = self.get(id) {
            return hold;
        }
        let entry = self.cells.entry(id.clone());
        // The floor is read while the shard is locked. A subject that is forgotten after
        // this read is still in the table now.
        let entry = entry.or_insert_with(|| {
            let feed = Feed::new(
                self.forgotten_through(),
                S::kept_bytes(id),
                Arc::clone(&self.history_bytes),
            );
            self.count.fetch_add(1, Ordering::Relaxed);
            Arc::new(Cell::new(feed, self.capture.number()))
        });
        self.hold(entry.key(), entry.value())
    }

    /// All cells. It may or may not contain cells that are inserted or removed meanwhile.
    pub(crate) fn cells(&self) -> Vec<(S::Id, Arc<Cell<S>>)> {
        let cells = self.cells.iter();
        cells
            .map(|entry| (entry.key().clone(), Arc::clone(entry.value())))
            .collect()
    }

    pub(crate) fn capture(&self) -> &TableCapture<S> {
        &self.capture
    }

    pub(crate) fn history_bytes(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.history_bytes)
    }

    /// How much the roster holds.
    pub(crate) fn size(&self) -> &AppSize {
        &self.size
    }

    /// The limits of one feed.
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

    /// The number of subjects in the table.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Holds a cell, whose shard the caller has locked. `id` is the table's own, so that all
    /// holds share its allocation.
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

    /// Whether the subject is forgotten, so that its cell is removed with the last hold.
    pub(crate) fn is_vacant(&self) -> bool {
        self.cell.is_vacant()
    }

    /// Keeps a copy of the subject for a capture that has not taken it yet. It has to be
    /// called before the subject changes, while `state` is locked.
    pub(crate) fn capture_before_change(&self, state: &mut CellState<S>) {
        self.table.capture.keep_before_change(&self.id, state);
    }

    /// Notes whether the subject is forgotten, while `state` is locked.
    pub(crate) fn note_vacancy(&self, state: &CellState<S>, revision: Revision) {
        let is_vacant = state.subject.is_vacant(state.feed.oldest().is_some());
        if self.cell.note_vacancy(is_vacant) {
            // The floor can be later, because it also covers changes that were not published.
            self.table.note_forgotten(revision.max(state.feed.floor()));
        }
    }
}

impl<S: Subject> Drop for Hold<S> {
    fn drop(&mut self) {
        if self.cell.release_hold() {
            // Checked again now that the shard is locked.
            self.table.cells.remove_if(&self.id, |_, cell| {
                let is_removable = cell.is_removable();
                if is_removable {
                    self.table.note_forgotten(cell.state.lock().feed.floor());
                    self.table.count.fetch_sub(1, Ordering::Relaxed);
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
