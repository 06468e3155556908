//! All subjects of one kind, by id: a sharded map of cells, each with a lock of
//! its own.
//!
//! A shard of the map is only ever locked to find, insert or remove a cell, and
//! a cell only to apply one event or to take a snapshot, which is a few
//! reference counts. So no reader holds a writer up, whatever it reads.

use std::{
    borrow::Borrow,
    fmt,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{
    journal::Revision,
    roster::{
        capture::Capturing,
        feed::{Feed, FeedLimits, Weigh},
    },
};

/// What can be queried and watched: a room.
pub trait Subject: Default + fmt::Debug + Send + 'static {
    /// What it is found by.
    type Id: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static;
    /// One visible change of it.
    type Change: Weigh + fmt::Debug + Send + Sync + 'static;

    /// Whether it need not be kept, as nothing is remembered of it. `has_history`
    /// says whether its latest changes still are.
    fn is_vacant(&self, has_history: bool) -> bool;

    /// A copy for a checkpoint, which keeps the evidence and nothing that follows
    /// from it: the rest may be missing. It is taken while an entry waits.
    #[must_use]
    fn evidence(&self) -> Self;
}

/// All subjects of one kind.
pub(crate) struct Table<S: Subject> {
    cells: DashMap<S::Id, Arc<Cell<S>>>,
    /// The latest revision at which a subject was forgotten. A subject that is
    /// not in the table has had no visible change since then, for all one knows;
    /// before, it may have had.
    forgotten_through: AtomicU64,
    capturing: Capturing<S>,
    feed_limits: FeedLimits,
    /// The bytes that all feeds take together.
    account: Arc<AtomicUsize>,
}

/// One subject with what happened to it lately.
pub(crate) struct Cell<S: Subject> {
    // Never held across an await. Locks are taken in this order: the roster's gate, a
    // user's cell, the shard of a room, the room's cell; then what users share. Only a
    // cell that nobody holds is locked with its shard locked before.
    pub(crate) state: Mutex<CellState<S>>,
    /// Wakes the watchers, after the state has changed.
    pub(crate) changed: Notify,
    /// Holds on the cell. Only rises from zero while the shard is locked.
    holds: AtomicUsize,
    /// Whether the subject is forgotten, so that whoever lets go of the cell
    /// last is to remove it.
    vacant: AtomicBool,
}

pub(crate) struct CellState<S: Subject> {
    pub(crate) subject: S,
    pub(crate) feed: Feed<S::Change>,
    /// Whether the bound on all history knows of the feed.
    pub(crate) is_remembered: bool,
    /// The last capture that took it.
    pub(crate) captured: u64,
}

/// A hold on a subject's cell. The cell of a forgotten subject leaves the table
/// with the last hold on it.
pub(crate) struct Hold<S: Subject> {
    table: Arc<Table<S>>,
    id: S::Id,
    cell: Arc<Cell<S>>,
}

/// Parts of the map with a lock of their own: what goes through all cells keeps
/// one of them at a time.
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

    /// All cells, and perhaps some of those that come and go meanwhile.
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

    /// Takes hold of a cell, whose shard the caller has locked. The id is the table's
    /// own: who keeps it keeps no other.
    fn hold(self: &Arc<Self>, id: &S::Id, cell: &Arc<Cell<S>>) -> Hold<S> {
        cell.holds.fetch_add(1, Ordering::AcqRel);
        Hold {
            table: Arc::clone(self),
            id: id.clone(),
            cell: Arc::clone(cell),
        }
    }
}

impl<S: Subject> Cell<S> {
    fn new(feed: Feed<S::Change>, captured: u64) -> Self {
        Self {
            state: Mutex::new(CellState {
                subject: S::default(),
                feed,
                is_remembered: false,
                captured,
            }),
            changed: Notify::new(),
            holds: AtomicUsize::new(0),
            vacant: AtomicBool::new(true),
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
        self.cell.vacant.load(Ordering::Acquire)
    }

    /// To be called while `state` is locked, before the subject changes.
    pub(crate) fn keep_past(&self, state: &mut CellState<S>) {
        self.table.capturing.keep(&self.id, state);
    }

    /// Notes whether the subject is forgotten, while `state` is locked.
    pub(crate) fn note_vacancy(&self, state: &CellState<S>, revision: Revision) {
        let vacant = state.subject.is_vacant(state.feed.oldest().is_some());
        if self.cell.vacant.swap(vacant, Ordering::AcqRel) != vacant && vacant {
            // What was not told may be of a later revision than what was.
            self.table.note_forgotten(revision.max(state.feed.floor()));
        }
    }
}

impl<S: Subject> Drop for Hold<S> {
    fn drop(&mut self) {
        let is_last = self.cell.holds.fetch_sub(1, Ordering::AcqRel) == 1;
        if is_last && self.is_vacant() {
            // Looked at again under the shard's lock, where no hold can begin.
            self.table.cells.remove_if(&self.id, |_, cell| {
                let is_over =
                    cell.holds.load(Ordering::Acquire) == 0 && cell.vacant.load(Ordering::Acquire);
                if is_over {
                    self.table.note_forgotten(cell.state.lock().feed.floor());
                }
                is_over
            });
        }
    }
}

impl<S: Subject> fmt::Debug for Hold<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hold").field(&self.id).finish()
    }
}
