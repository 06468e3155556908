//! How far the journal has been applied.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use crate::journal::Revision;

/// The last revision applied, which can be waited for.
#[derive(Debug, Default)]
pub(super) struct Watermark {
    applied: AtomicU64,
    advanced: Notify,
}

impl Watermark {
    pub(super) fn get(&self) -> Revision {
        self.applied.load(Ordering::Acquire)
    }

    pub(super) fn advance(&self, revision: Revision) {
        self.applied.store(revision, Ordering::Release);
        self.advanced.notify_waiters();
    }

    /// Waits until `revision` is applied.
    pub(super) async fn reached(&self, revision: Revision) {
        while self.get() < revision {
            // Registered before looking again: an advance in between wakes it.
            let advanced = self.advanced.notified();
            if self.get() < revision {
                advanced.await;
            }
        }
    }
}
