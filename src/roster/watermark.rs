//! The last applied revision, and the waiters for a revision to be applied.
//!
//! An advance wakes exactly the waiters whose revision was reached. Without waiters, it costs
//! one load of an atomic.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;

use crate::journal::Revision;

/// The last applied revision. A task can wait until it reaches some revision.
#[derive(Debug)]
pub(super) struct Watermark {
    applied: AtomicU64,
    /// The least revision that a waiter waits for; [`NONE_AWAITED`] if there is none. It
    /// changes only while the waiters are locked.
    first_awaited: AtomicU64,
    waiters: Mutex<Waiters>,
}

/// Waiters in the order in which they are woken: by revision, then by ticket. The tree is a
/// priority queue from which any waiter can be removed.
#[derive(Debug, Default)]
struct Waiters {
    wakers: BTreeMap<(Revision, Ticket), Waker>,
    last_ticket: Ticket,
}

/// Distinguishes the waiters for one revision.
type Ticket = u64;

/// A future that completes when a revision is applied. It leaves the queue when it is
/// dropped.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub(super) struct Reached<'a> {
    watermark: &'a Watermark,
    revision: Revision,
    /// The ticket in the queue, after the first poll that was pending.
    ticket: Option<Ticket>,
}

/// Takes the place of the least awaited revision if there is none. No journal reaches it.
const NONE_AWAITED: Revision = Revision::MAX;

impl Default for Watermark {
    fn default() -> Self {
        Self {
            applied: AtomicU64::new(0),
            first_awaited: AtomicU64::new(NONE_AWAITED),
            waiters: Mutex::default(),
        }
    }
}

impl Watermark {
    pub(super) fn get(&self) -> Revision {
        self.applied.load(Ordering::Acquire)
    }

    /// Notes that everything up to `revision` is applied.
    pub(super) fn advance(&self, revision: Revision) {
        // An advance writes `applied` and then reads `first_awaited`. A waiter writes
        // `first_awaited` and then reads `applied`. These accesses are sequentially consistent,
        // so at least one of the two sees the other's write.
        self.applied.store(revision, Ordering::SeqCst);
        if self.first_awaited.load(Ordering::SeqCst) <= revision {
            self.wake(revision);
        }
    }

    fn wake(&self, revision: Revision) {
        let mut due = Vec::new();
        let mut waiters = self.waiters.lock();
        while let Some(first) = waiters.wakers.first_entry()
            && first.key().0 <= revision
        {
            due.push(first.remove());
        }
        self.note_first(&waiters);
        drop(waiters);
        // After the lock is released, because a waker may drop a waiter, which locks it again.
        due.into_iter().for_each(Waker::wake);
    }

    /// Completes when everything up to `revision` is applied.
    pub(super) fn reached(&self, revision: Revision) -> Reached<'_> {
        Reached {
            watermark: self,
            revision,
            ticket: None,
        }
    }

    /// The number of waiters.
    pub(super) fn waiting(&self) -> usize {
        self.waiters.lock().wakers.len()
    }

    fn note_first(&self, waiters: &Waiters) {
        let first = waiters.wakers.first_key_value();
        let first = first.map_or(NONE_AWAITED, |((revision, _), _)| *revision);
        self.first_awaited.store(first, Ordering::SeqCst);
    }
}

impl Future for Reached<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self {
            watermark,
            revision,
            ticket,
        } = &mut *self;
        if watermark.get() >= *revision {
            return Poll::Ready(());
        }
        let mut waiters = watermark.waiters.lock();
        let ticket = *ticket.get_or_insert_with(|| {
            waiters.last_ticket += 1;
            waiters.last_ticket
        });
        let waker = context.waker().clone();
        let before = waiters.wakers.insert((*revision, ticket), waker);
        watermark.note_first(&waiters);
        // To drop a waker may drop another waiter, which takes the lock.
        drop(waiters);
        drop(before);
        // If an advance came too early to see this waiter, its revision is seen here.
        if watermark.applied.load(Ordering::SeqCst) >= *revision {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Drop for Reached<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let mut waiters = self.watermark.waiters.lock();
            let waker = waiters.wakers.remove(&(self.revision, ticket));
            self.watermark.note_first(&waiters);
            drop((waiters, waker));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use futures_util::FutureExt as _;
    use tokio::runtime;
    use tokio_test::{assert_pending, assert_ready, task};

    use super::*;

    #[test]
    fn only_those_are_woken_whose_revision_came_and_in_any_order_of_asking() {
        let watermark = Watermark::default();
        let mut waiters: Vec<_> = [3, 1, 2, 1]
            .map(|revision| (revision, task::spawn(watermark.reached(revision))))
            .into();
        for (_, waiter) in &mut waiters {
            assert_pending!(waiter.poll());
        }
        assert_eq!(watermark.waiting(), 4);
        for applied in 1..=3 {
            watermark.advance(applied);
            for (revision, waiter) in &waiters {
                assert_eq!(waiter.is_woken(), *revision <= applied, "{revision}");
            }
            assert_eq!(
                watermark.waiting(),
                3_usize.saturating_sub(applied as usize)
            );
        }
        for (_, waiter) in &mut waiters {
            assert_ready!(waiter.poll());
        }
    }

    #[test]
    fn an_advance_may_pass_over_revisions_and_need_not_be_waited_for() {
        let watermark = Watermark::default();
        watermark.advance(5);
        assert_eq!(watermark.reached(5).now_or_never(), Some(()));
        assert_eq!(watermark.waiting(), 0, "who need not wait is never queued");
        let mut waiter = task::spawn(watermark.reached(7));
        assert_pending!(waiter.poll());
        watermark.advance(10);
        assert!(waiter.is_woken());
        assert_ready!(waiter.poll());
    }

    #[test]
    fn a_waiter_that_is_dropped_leaves_the_queue() {
        let watermark = Watermark::default();
        let mut first = task::spawn(watermark.reached(1));
        let mut second = task::spawn(watermark.reached(2));
        assert_pending!(first.poll());
        assert_pending!(first.poll());
        assert_pending!(second.poll());
        assert_eq!(watermark.waiting(), 2, "each once, however often polled");
        drop(first);
        assert_eq!(watermark.waiting(), 1);
        assert_eq!(watermark.first_awaited.load(Ordering::SeqCst), 2);
        drop(second);
        assert_eq!(watermark.waiting(), 0);
        assert_eq!(watermark.first_awaited.load(Ordering::SeqCst), NONE_AWAITED);
    }

    #[test]
    fn an_advance_that_races_a_registration_is_not_missed() {
        const REVISIONS: Revision = 20_000;
        let watermark = Watermark::default();
        let barrier = Barrier::new(3);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let runtime = runtime::Builder::new_current_thread().build().unwrap();
                    for revision in 1..=REVISIONS {
                        barrier.wait();
                        // Hangs if the advance is missed.
                        runtime.block_on(watermark.reached(revision));
                    }
                });
            }
            for revision in 1..=REVISIONS {
                barrier.wait();
                watermark.advance(revision);
            }
        });
        assert_eq!(watermark.waiting(), 0);
    }
}
