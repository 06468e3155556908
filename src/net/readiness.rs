//! Whether the service is ready.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

/// Whether the service is ready to answer. A front that is asked before can wait for it.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Inner>);

#[derive(Default)]
struct Inner {
    is_ready: AtomicBool,
    /// Why it never is again.
    stopped: OnceLock<String>,
    changed: Notify,
}

impl Readiness {
    /// A service that is ready, or is not yet.
    pub fn new(is_ready: bool) -> Self {
        let readiness = Self::default();
        readiness.set(is_ready);
        readiness
    }

    /// Says whether the service is ready from now on.
    pub fn set(&self, is_ready: bool) {
        self.0.is_ready.store(is_ready, Ordering::Release);
        self.0.changed.notify_waiters();
    }

    /// Says that the service is not ready any more, and why.
    pub fn stop(&self, reason: String) {
        // The first reason is the cause.
        let _ = self.0.stopped.set(reason);
        self.set(false);
    }

    /// Why the service is never ready again; `None` if it may be.
    pub fn stopped(&self) -> Option<&str> {
        self.0.stopped.get().map(String::as_str)
    }

    /// Whether the service is ready.
    pub fn is_ready(&self) -> bool {
        self.0.is_ready.load(Ordering::Acquire)
    }

    /// Completes when the service is ready.
    pub async fn wait(&self) {
        loop {
            // Made before looking: a change in between completes it.
            let changed = self.0.changed.notified();
            if self.is_ready() {
                return;
            }
            changed.await;
        }
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readiness").field(&self.is_ready()).finish()
    }
}

#[cfg(test)]
mod tests {
    use tokio_test::{assert_pending, assert_ready, task};

    use super::*;

    #[test]
    fn whoever_waits_goes_on_when_it_is_ready() {
        let readiness = Readiness::default();
        let mut waiting = task::spawn(readiness.wait());
        assert_pending!(waiting.poll());
        readiness.set(false);
        assert_pending!(waiting.poll());
        readiness.clone().set(true);
        assert!(waiting.is_woken());
        assert_ready!(waiting.poll());
        assert_ready!(task::spawn(readiness.wait()).poll());
    }
}
