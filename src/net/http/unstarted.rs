//! Requests that were begun and whose tasks have not run yet.
//!
//! A connection that is read hands over many requests at once, and many connections may be read
//! before the first of their tasks runs. What waits for a processor in that way takes memory, and
//! costs a client almost nothing. So while too many wait, no connection of the front is read: its
//! task goes to the end of the queue, behind those that wait. What clients send waits with them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use prometheus_client::metrics::counter::Counter;
use tokio::time::Instant;
use tracing::warn;

use crate::net::Throttle;

/// How many requests may wait for their tasks to run before nothing more is read. Each processor
/// may exceed it by what one turn of one connection reads. It is more than processors begin in the
/// time that it takes to read the next.
const UNSTARTED_MAX: usize = 1024;

/// The requests of one front that have not started. Clones are of the same front.
#[derive(Clone, Debug)]
pub(super) struct Unstarted(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    purpose: &'static str,
    count: AtomicUsize,
    /// How often a connection was not read because too many had not started.
    deferred: Counter,
    began: Instant,
    log: Throttle,
}

/// A request that has not started, until it is dropped.
#[derive(Debug)]
pub(super) struct NotStarted(Unstarted);

impl Unstarted {
    pub(super) fn new(purpose: &'static str, deferred: Counter) -> Self {
        Self(Arc::new(Inner {
            purpose,
            count: AtomicUsize::new(0),
            deferred,
            began: Instant::now(),
            log: Throttle::default(),
        }))
    }

    pub(super) fn add(&self) -> NotStarted {
        self.0.count.fetch_add(1, Relaxed);
        NotStarted(self.clone())
    }

    /// Whether nothing more is to be read for now, which is counted then.
    pub(super) fn are_too_many(&self) -> bool {
        let Inner {
            purpose,
            count,
            deferred,
            began,
            log,
        } = &*self.0;
        if count.load(Relaxed) < UNSTARTED_MAX {
            return false;
        }
        deferred.inc();
        if let Some(held_back) = log.pass_after(began.elapsed()) {
            warn!(
                purpose,
                unstarted_max = UNSTARTED_MAX,
                held_back,
                "requests come faster than they are begun: connections wait to be read"
            );
        }
        true
    }
}

impl Drop for NotStarted {
    fn drop(&mut self) {
        self.0.0.count.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_waits_while_as_many_as_may_have_not_started() {
        let deferred = Counter::default();
        let unstarted = Unstarted::new("tests", deferred.clone());
        let mut waiting: Vec<_> = (0..UNSTARTED_MAX).map(|_| unstarted.add()).collect();
        assert!(unstarted.are_too_many());
        waiting.pop();
        assert!(!unstarted.are_too_many());
        assert_eq!(deferred.get(), 1);
    }
}
