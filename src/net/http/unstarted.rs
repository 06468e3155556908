//! Requests that were begun and whose tasks have not run yet.
//!
//! A connection that is read hands over many requests at once, and many connections may be read
//! before the first of their tasks runs. What waits for a processor in that way takes memory, and
//! costs a client almost nothing. So while too many wait, no connection of the front is read: its
//! task goes to the end of the queue, behind those that wait. What clients send waits with them.
//!
//! The queue is the runtime's, and nobody holds a place in it: a connection that is blocked by its
//! client would hold up all others. So whichever comes first when there is room again is read, and a
//! [`Turn`] sees to it that this is not the same one each time.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use prometheus_client::metrics::counter::Counter;
use tokio::time::Instant;
use tracing::warn;

use crate::net::Throttle;

/// How many requests may wait for their tasks to run before nothing more is read. Each processor
/// may exceed it by what one turn of one connection reads. It is more than processors begin in the
/// time that it takes to read the next, and so few that whoever has to run after them does so soon.
pub(super) const UNSTARTED_MAX: usize = 256;

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

/// Whether it is a connection's turn to be read.
#[derive(Debug)]
pub(super) struct Turn {
    unstarted: Unstarted,
    /// How often connections had been deferred when this one was read.
    deferred: u64,
    gives_way: bool,
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

    /// The turn of a new connection.
    pub(super) fn turn(&self) -> Turn {
        Turn {
            unstarted: self.clone(),
            deferred: self.0.deferred.get(),
            gives_way: false,
        }
    }

    /// Whether nothing more is to be read for now, which is counted then.
    fn are_too_many(&self) -> bool {
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

impl Turn {
    /// Ready when the connection may be read once. Until then its task runs again after those that
    /// are waiting to run.
    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let waits = self.unstarted.are_too_many();
        if waits || mem::take(&mut self.gives_way) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        // Others may be waiting for this if somebody had to since it was read.
        let deferred = self.unstarted.0.deferred.get();
        self.gives_way = deferred != mem::replace(&mut self.deferred, deferred);
        Poll::Ready(())
    }
}

impl Drop for NotStarted {
    fn drop(&mut self) {
        self.0.0.count.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio_test::{assert_pending, assert_ready, task};

    use super::*;

    fn unstarted() -> Unstarted {
        Unstarted::new("tests", Counter::default())
    }

    /// So many as nothing is read for.
    fn too_many(unstarted: &Unstarted) -> Vec<NotStarted> {
        (0..UNSTARTED_MAX).map(|_| unstarted.add()).collect()
    }

    fn turn(unstarted: &Unstarted) -> task::Spawn<Turn> {
        task::spawn(unstarted.turn())
    }

    fn poll(turn: &mut task::Spawn<Turn>) -> Poll<()> {
        turn.enter(|cx, mut turn| turn.poll(cx))
    }

    #[test]
    fn reading_waits_while_as_many_as_may_have_not_started() {
        let unstarted = unstarted();
        let mut turn = turn(&unstarted);
        let mut waiting = too_many(&unstarted);
        assert_pending!(poll(&mut turn));
        assert!(turn.is_woken());
        waiting.pop();
        assert_ready!(poll(&mut turn));
        assert_eq!(unstarted.0.deferred.get(), 1);
    }

    #[test]
    fn a_connection_is_read_on_and_on_while_none_had_to_wait() {
        let unstarted = unstarted();
        let mut turn = turn(&unstarted);
        for _ in 0..10 {
            assert_ready!(poll(&mut turn));
        }
    }

    #[test]
    fn whoever_is_read_while_others_wait_gives_way_before_it_is_read_again() {
        let unstarted = unstarted();
        let (mut turns, mut reads) = ([(); 2].map(|()| turn(&unstarted)), [0, 0]);
        for _ in 0..100 {
            // The same one is always the first when there is room.
            let Some(read) = (0..2).find(|&number| poll(&mut turns[number]).is_ready()) else {
                continue;
            };
            reads[read] += 1;
            let _begun = too_many(&unstarted);
            for turn in &mut turns {
                assert_pending!(poll(turn));
            }
        }
        assert!(reads[0] <= 3 * reads[1], "{reads:?}");
    }
}
