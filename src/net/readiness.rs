//! Whether the service is ready, and if not, why.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use prometheus_client::registry::Registry;
use tokio::sync::Notify;

use crate::domain::GaugeFn;

/// Whether the service is ready to answer: the one place that every front asks. A front that is
/// asked before can wait for it. Clones are of the same service.
#[derive(Clone)]
pub struct Readiness(Arc<Inner>);

struct Inner {
    is_ready: AtomicBool,
    is_draining: AtomicBool,
    /// Why it never is again.
    stopped: OnceLock<String>,
    changed: Notify,
    vitals: Box<dyn Vitals>,
}

/// What the parts of the service know of how it is, at the moment of asking.
pub trait Vitals: Send + Sync {
    /// How far the start is, in words; `None` if that is not known.
    fn progress(&self) -> Option<String>;

    /// Why no callback can be made durable at present; `None` if one can.
    fn failure(&self) -> Option<String>;
}

/// Why the service does not take callbacks now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    /// It is starting, and has come so far.
    #[error("starting{}", .0.iter().map(|far| format!(": {far}")).collect::<String>())]
    Starting(Option<String>),
    /// It is ending.
    #[error("draining")]
    Draining,
    /// It never does again, for this reason.
    #[error("{0}")]
    Stopped(String),
    /// Callbacks cannot be made durable, for this reason. Questions are answered.
    #[error("cannot journal: {0}")]
    CannotJournal(String),
}

/// A service whose parts tell nothing.
struct Silent;

impl Vitals for Silent {
    fn progress(&self) -> Option<String> {
        None
    }

    fn failure(&self) -> Option<String> {
        None
    }
}

impl Unready {
    /// The same without what is only for operators.
    pub fn brief(&self) -> &str {
        match self {
            Self::Starting(_) => "starting",
            Self::Draining => "draining",
            Self::Stopped(reason) => reason,
            Self::CannotJournal(_) => "cannot journal",
        }
    }
}

impl Readiness {
    /// A service that is ready, or is not yet.
    pub fn new(is_ready: bool) -> Self {
        let readiness = Self::default();
        readiness.set(is_ready);
        readiness
    }

    /// A service with these parts, which is not ready yet.
    pub fn of(vitals: impl Vitals + 'static) -> Self {
        Self(Arc::new(Inner {
            is_ready: AtomicBool::new(false),
            is_draining: AtomicBool::new(false),
            stopped: OnceLock::new(),
            changed: Notify::new(),
            vitals: Box::new(vitals),
        }))
    }

    /// Says whether the service is ready from now on.
    pub fn set(&self, is_ready: bool) {
        self.0.is_ready.store(is_ready, Ordering::Release);
        self.0.changed.notify_waiters();
    }

    /// Says that the service is ending. Requests that are in work are still answered.
    pub fn drain(&self) {
        self.0.is_draining.store(true, Ordering::Release);
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

    /// Whether requests are answered, those of a service that drains included.
    pub fn is_ready(&self) -> bool {
        self.0.is_ready.load(Ordering::Acquire)
    }

    /// Whether callbacks are taken.
    ///
    /// # Errors
    /// Says why not.
    pub fn check(&self) -> Result<(), Unready> {
        let Inner {
            is_draining,
            vitals,
            ..
        } = &*self.0;
        if let Some(reason) = self.stopped() {
            return Err(Unready::Stopped(reason.to_owned()));
        }
        if is_draining.load(Ordering::Acquire) {
            return Err(Unready::Draining);
        }
        if !self.is_ready() {
            return Err(Unready::Starting(vitals.progress()));
        }
        match vitals.failure() {
            Some(reason) => Err(Unready::CannotJournal(reason)),
            None => Ok(()),
        }
    }

    /// Whether questions are answered, and go on to be.
    pub fn is_serving(&self) -> bool {
        matches!(self.check(), Ok(()) | Err(Unready::CannotJournal(_)))
    }

    /// Adds whether the service is ready to a registry.
    pub fn register(&self, registry: &mut Registry) {
        let readiness = self.clone();
        GaugeFn::register(
            registry,
            "ready",
            "1 while callbacks are taken and queries answered",
            move || f64::from(u8::from(readiness.check().is_ok())),
        );
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

impl Default for Readiness {
    fn default() -> Self {
        Self::of(Silent)
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readiness").field(&self.check()).finish()
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use prometheus_client::encoding::text;
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

    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Option<String>>>);

    impl Vitals for Told {
        fn progress(&self) -> Option<String> {
            self.0.lock().clone()
        }

        fn failure(&self) -> Option<String> {
            self.0.lock().clone()
        }
    }

    #[test]
    fn the_reason_is_told_that_weighs_most() {
        let told = Told::default();
        let readiness = Readiness::of(told.clone());
        let reason = || readiness.check().map_err(|unready| unready.to_string());
        assert_eq!(reason().unwrap_err(), "starting");
        *told.0.lock() = Some("3 of 7".to_owned());
        assert_eq!(reason().unwrap_err(), "starting: 3 of 7");
        readiness.set(true);
        *told.0.lock() = None;
        assert_eq!(reason(), Ok(()));
        *told.0.lock() = Some("no space".to_owned());
        assert_eq!(reason().unwrap_err(), "cannot journal: no space");
        assert!(readiness.is_ready(), "questions are answered");
        readiness.drain();
        assert_eq!(reason().unwrap_err(), "draining");
        assert!(readiness.is_ready(), "what is in work is answered");
        readiness.stop("revision 7".to_owned());
        readiness.stop("another".to_owned());
        assert_eq!(reason().unwrap_err(), "revision 7");
    }

    #[test]
    fn operators_see_whether_it_is_ready_when_they_look() {
        let readiness = Readiness::default();
        let mut registry = Registry::default();
        readiness.register(&mut registry);
        let page = || {
            let mut page = String::new();
            text::encode(&mut page, &registry).unwrap();
            page
        };
        assert!(page().contains("\nready 0.0\n"), "{}", page());
        readiness.set(true);
        assert!(page().contains("\nready 1.0\n"), "{}", page());
        readiness.stop("no".to_owned());
        assert!(page().contains("\nready 0.0\n"), "{}", page());
    }
}
