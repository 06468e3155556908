//! Subjects as they were when a capture began.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::roster::{
    subject::cell::{CellState, Subject},
    subject::feed::Recent,
};

/// A subject as it was at the revision of a capture.
#[derive(Debug)]
pub(crate) struct Captured<S: Subject> {
    /// The evidence: what follows from it may be missing.
    pub(crate) subject: S,
    pub(crate) recent: Recent<S::Change>,
}

/// Several, by their ids.
type CapturedList<S> = Vec<(<S as Subject>::Id, Captured<S>)>;

/// The part that one table has in a capture.
#[derive(Debug)]
pub(crate) struct Capturing<S: Subject> {
    /// The number of the capture that is under way; 0 if none is.
    number: AtomicU64,
    /// Those who were about to change, as they were; `None` if nobody wants them.
    kept: Mutex<Option<CapturedList<S>>>,
}

impl<S: Subject> Default for Capturing<S> {
    fn default() -> Self {
        Self {
            number: AtomicU64::new(0),
            kept: Mutex::default(),
        }
    }
}

impl<S: Subject> Capturing<S> {
    /// Begins a capture. The caller keeps entries from being applied: that is what
    /// makes the number known to whoever applies the next.
    pub(super) fn begin(&self, number: u64) {
        *self.kept.lock() = Some(Vec::new());
        self.number.store(number, Ordering::Release);
    }

    pub(super) fn end(&self) {
        self.number.store(0, Ordering::Release);
        *self.kept.lock() = None;
    }

    /// The capture that a new subject counts as taken by: there was none of it.
    pub(crate) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// Keeps what a subject is, which is about to change, if a capture still needs
    /// to know.
    pub(crate) fn keep(&self, id: &S::Id, state: &mut CellState<S>) {
        if let Some(captured) = self.take(state)
            && let Some(kept) = &mut *self.kept.lock()
        {
            kept.push((id.clone(), captured));
        }
    }

    /// Takes a subject as it is, if the capture has not yet.
    pub(super) fn take(&self, state: &mut CellState<S>) -> Option<Captured<S>> {
        let number = self.number();
        if number == 0 || state.captured == number {
            return None;
        }
        state.captured = number;
        Some(Captured {
            subject: state.subject.evidence(),
            recent: state.feed.recent(),
        })
    }

    /// Those who changed since the last call, as they were.
    pub(super) fn take_kept(&self) -> CapturedList<S> {
        let mut kept = self.kept.lock();
        kept.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
