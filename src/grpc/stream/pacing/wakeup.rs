//! Wakes all watches of a subject that are held back, at once.
//!
//! Each of them would be woken twice for a message otherwise: when the subject changes, and
//! when the watch may send. So one task waits for both, and all watches of the subject wait
//! for that task. What they send over one connection is then written together. The task
//! belongs to none of the watches, because one with a slow receiver would delay the others.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::{Notify, futures::Notified},
    time::{self, Instant},
};

use super::rate::{MESSAGE_INTERVAL, SAVED};
use crate::{journal::Revision, roster::ChangeSignal};

/// After so long without news no watch is held back any more.
const QUIET: Duration = SAVED.saturating_add(MESSAGE_INTERVAL);

/// The wake-ups of all subjects that have a watch which is held back.
#[derive(Debug, Default)]
pub(in crate::grpc) struct Wakeups {
    /// By the address of the subject's signal, which the wake-up keeps.
    by_signal: Mutex<HashMap<usize, Weak<SharedWakeup>>>,
}

/// What the watches of one subject wait for while they are held back.
pub(super) struct SharedWakeup {
    wakeups: Arc<Wakeups>,
    signal: Arc<dyn ChangeSignal>,
    woken: Notify,
    /// Wakes the task, because a watch has something to send that came before it waited.
    requested: Notify,
    has_task: AtomicBool,
    /// Whether a watch has waited since the last wake-up.
    is_awaited: AtomicBool,
}

/// Wakes the watches of one subject. There is at most one for each wake-up. Its end wakes
/// the watches as well, so that one of those that wait starts another.
#[derive(Debug)]
struct WakeupTask {
    wakeup: Arc<SharedWakeup>,
    /// The last change for which the watches were woken.
    through: Revision,
}

/// The moments at which watches that are held back send.
#[derive(Debug)]
struct SendTimes {
    last: Instant,
}

// === impl Wakeups ===

impl Wakeups {
    /// The wake-up of the subject that has this signal.
    pub(super) fn of(self: &Arc<Self>, signal: Arc<dyn ChangeSignal>) -> Arc<SharedWakeup> {
        let mut by_signal = self.by_signal.lock();
        let known = by_signal.entry(address(&signal)).or_default();
        known.upgrade().unwrap_or_else(|| {
            let wakeup = Arc::new(SharedWakeup {
                wakeups: Arc::clone(self),
                signal,
                woken: Notify::new(),
                requested: Notify::new(),
                has_task: AtomicBool::new(false),
                is_awaited: AtomicBool::new(false),
            });
            *known = Arc::downgrade(&wakeup);
            wakeup
        })
    }
}

fn address(signal: &Arc<dyn ChangeSignal>) -> usize {
    Arc::as_ptr(signal).cast::<()>().addr()
}

// === impl SharedWakeup ===

impl SharedWakeup {
    /// Waits for the next wake-up; `false` if `silence` ends before. `has_next` says
    /// whether the watch has something to send. Starts the task if there is none.
    pub(super) async fn wait(
        self: &Arc<Self>,
        has_next: impl FnOnce() -> bool,
        silence: impl Future<Output = ()>,
    ) -> bool {
        // Made before looking: a wake-up in between completes it.
        let woken = self.woken();
        if let Some(task) = self.take_task() {
            drop(tokio::spawn(task.run()));
        }
        if has_next() {
            // The wake-up for that may have been before.
            self.requested.notify_one();
        }
        tokio::select! {
            () = woken => true,
            () = silence => false,
        }
    }

    /// Completes with the next wake-up from now on.
    fn woken(&self) -> Notified<'_> {
        let woken = self.woken.notified();
        self.is_awaited.store(true, Ordering::Release);
        woken
    }

    /// The task, unless there is one already.
    fn take_task(self: &Arc<Self>) -> Option<WakeupTask> {
        let is_taken = self.has_task.swap(true, Ordering::AcqRel);
        (!is_taken).then(|| WakeupTask {
            wakeup: Arc::clone(self),
            // Whoever starts it may have something to send.
            through: 0,
        })
    }
}

impl Drop for SharedWakeup {
    fn drop(&mut self) {
        let mut by_signal = self.wakeups.by_signal.lock();
        let address = address(&self.signal);
        // Another may have taken its place since nobody keeps this one.
        if by_signal
            .get(&address)
            .is_some_and(|wakeup| wakeup.strong_count() == 0)
        {
            by_signal.remove(&address);
        }
    }
}

impl fmt::Debug for SharedWakeup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedWakeup")
            .field("has_task", &self.has_task)
            .finish_non_exhaustive()
    }
}

// === impl WakeupTask ===

impl WakeupTask {
    /// Wakes the watches until there is no news for a while, or no watch waits.
    async fn run(mut self) {
        let mut times = SendTimes::new();
        while time::timeout(QUIET, self.news()).await.is_ok() {
            times.next().await;
            if !self.wake() {
                break;
            }
        }
    }

    /// Waits until there is a change for which the watches were not woken, or until a
    /// watch asks to be.
    async fn news(&self) {
        loop {
            // Made before looking: a change in between completes it.
            let changed = self.wakeup.signal.changed();
            if self.wakeup.signal.last_change() > self.through {
                return;
            }
            tokio::select! {
                () = changed => {}
                () = self.wakeup.requested.notified() => return,
            }
        }
    }

    /// Wakes all watches that wait. Says whether any has waited since the last time.
    fn wake(&mut self) -> bool {
        self.through = self.wakeup.signal.last_change();
        let is_awaited = self.wakeup.is_awaited.swap(false, Ordering::AcqRel);
        self.wakeup.woken.notify_waiters();
        is_awaited
    }
}

impl Drop for WakeupTask {
    fn drop(&mut self) {
        // A swap and no store, so that a watch which failed to start a task before is
        // woken by what follows.
        self.wakeup.has_task.swap(false, Ordering::AcqRel);
        self.wakeup.woken.notify_waiters();
    }
}

// === impl SendTimes ===

impl SendTimes {
    /// Begins now.
    fn new() -> Self {
        Self {
            last: Instant::now(),
        }
    }

    /// Waits for the next moment. If that is past already, waits for the next tick of the
    /// timer, so that what comes at about the same time is sent along.
    async fn next(&mut self) {
        let soon = Instant::now() + Duration::from_nanos(1);
        // When it was due, not when this came to it, which is up to a tick later.
        self.last = soon.max(self.last + MESSAGE_INTERVAL);
        time::sleep_until(self.last).await;
    }
}

#[cfg(test)]
mod tests;
