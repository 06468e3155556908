//! What the watches of a busy subject wait for together.
//!
//! Were each of many watches to wait for a change and then for its time, each would be
//! woken for both. So one [`Ringer`] waits for both, and all watches for that. It belongs
//! to none of them: a watch whose receiver is slow would hold up the others.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{Notify, futures::Notified};

use crate::{
    journal::Revision,
    roster::subject::table::{Cell, Subject},
};

/// Wakes the watches that wait for it, all at once.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Notify,
    /// Wakes the ringer, as a watch has something to send that came before it waited.
    asked: Notify,
    has_ringer: AtomicBool,
    /// Whether a watch has waited since the last ring.
    is_awaited: AtomicBool,
}

/// The right to ring a subject's bell, which one has at a time. Its end is a ring, too,
/// so that one of those who wait takes over.
pub struct Ringer<S: Subject> {
    cell: Arc<Cell<S>>,
    /// The last change at the last ring.
    through: Revision,
}

// === impl Bell ===

impl Bell {
    /// Completes with the next ring from now on.
    pub(super) fn rung(&self) -> Notified<'_> {
        let rung = self.rung.notified();
        self.is_awaited.store(true, Ordering::Release);
        rung
    }

    /// Asks for a ring, whatever happens to the subject.
    pub(super) fn ask(&self) {
        self.asked.notify_one();
    }
}

// === impl Ringer ===

impl<S: Subject> Ringer<S> {
    pub(super) fn take(cell: &Arc<Cell<S>>) -> Option<Self> {
        let is_taken = cell.bell.has_ringer.swap(true, Ordering::AcqRel);
        (!is_taken).then(|| Self {
            cell: Arc::clone(cell),
            // Whoever takes it may have something to send.
            through: 0,
        })
    }

    /// Waits until there is a change that was not rung for, or a watch asks for a ring.
    pub async fn news(&self) {
        loop {
            // Made before looking: a change in between completes it.
            let changed = self.cell.changed.notified();
            if self.last_change() > self.through {
                return;
            }
            tokio::select! {
                () = changed => {}
                () = self.cell.bell.asked.notified() => return,
            }
        }
    }

    /// Wakes all who wait. Says whether anybody has waited since the last ring.
    pub fn ring(&mut self) -> bool {
        self.through = self.last_change();
        let is_awaited = self.cell.bell.is_awaited.swap(false, Ordering::AcqRel);
        self.cell.bell.rung.notify_waiters();
        is_awaited
    }

    fn last_change(&self) -> Revision {
        self.cell.state.lock().feed.last_change()
    }
}

impl<S: Subject> Drop for Ringer<S> {
    fn drop(&mut self) {
        // Not stored: so who failed to take it before is woken by what follows.
        self.cell.bell.has_ringer.swap(false, Ordering::AcqRel);
        self.cell.bell.rung.notify_waiters();
    }
}

impl<S: Subject> fmt::Debug for Ringer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ringer")
            .field("through", &self.through)
            .finish_non_exhaustive()
    }
}
