//! Subjects as they were when a capture began.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::roster::{
    subject::cell::{CellState, Subject},
    subject::feed::RecentChanges,
};

/// A subject as it was at the revision of a capture.
#[derive(Debug)]
pub(crate) struct Captured<S: Subject> {
    /// The evidence. What follows from the evidence may be missing.
    pub(crate) subject: S,
    pub(crate) recent: RecentChanges<S::Change>,
}

/// Several captured subjects, each with its id.
type CapturedList<S> = Vec<(<S as Subject>::Id, Captured<S>)>;

/// The state of a capture in one table.
#[derive(Debug)]
pub(crate) struct TableCapture<S: Subject> {
    /// The number of the capture that is under way; 0 if none is.
    number: AtomicU64,
    /// Copies of the subjects that changed since the capture began, from before their first
    /// change; `None` if there is no capture.
    kept: Mutex<Option<CapturedList<S>>>,
}

impl<S: Subject> Default for TableCapture<S> {
    fn default() -> Self {
        Self {
            number: AtomicU64::new(0),
            kept: Mutex::default(),
        }
    }
}

impl<S: Subject> TableCapture<S> {
    /// Begins a capture. The caller holds the entry lock, so that the thread that applies the
    /// next entry sees the number.
    pub(super) fn begin(&self, number: u64) {
        *self.kept.lock() = Some(Vec::new());
        self.number.store(number, Ordering::Release);
    }

    pub(super) fn end(&self) {
        self.number.store(0, Ordering::Release);
        *self.kept.lock() = None;
    }

    /// The number of the capture that is under way; 0 if none is. A new subject is marked with
    /// it, because the capture does not need a subject that did not exist when it began.
    pub(crate) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// Keeps a copy of a subject that is about to change, if a capture has not taken the
    /// subject yet.
    pub(crate) fn keep_before_change(&self, id: &S::Id, state: &mut CellState<S>) {
        if let Some(captured) = self.take(state)
            && let Some(kept) = &mut *self.kept.lock()
        {
            kept.push((id.clone(), captured));
        }
    }

    /// Copies a subject for the capture, unless the capture has taken it already.
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

    /// Takes the copies that were kept since the last call.
    pub(super) fn take_kept(&self) -> CapturedList<S> {
        let mut kept = self.kept.lock();
        kept.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
