//! Wakes all watches of a subject that are held back, at the same time.
//!
//! Otherwise each of them would be woken twice for a message: when the subject changes, and
//! when the watch may send. So one task waits for both, and all watches of the subject wait
//! for that task. The messages that they send over one connection are then written together.
//! No watch runs this task, because a watch with a slow receiver would delay the others.

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

use super::rate::{MESSAGE_INTERVAL, SAVED_MIN};
use crate::{journal::Revision, roster::ChangeSignal};

/// After so long without a change, no watch of the subject is held back any more.
const QUIET_AFTER: Duration = SAVED_MIN.saturating_add(MESSAGE_INTERVAL);

/// The shared wake-ups of all subjects that have watches which are held back.
#[derive(Debug, Default)]
pub(in crate::grpc) struct Wakeups {
    /// The key is the address of the subject's signal. It stays unique, because the wake-up
    /// keeps the signal.
    by_signal: Mutex<HashMap<usize, Weak<SharedWakeup>>>,
}

/// What the watches of one subject wait for while they are held back.
pub(super) struct SharedWakeup {
    wakeups: Arc<Wakeups>,
    signal: Arc<dyn ChangeSignal>,
    woken: Notify,
    /// Wakes the task, because a watch that begins to wait already has something to send.
    requested: Notify,
    has_task: AtomicBool,
    /// Whether a watch has waited since the last wake-up.
    is_awaited: AtomicBool,
}

/// The task that wakes the watches of one subject. A wake-up has at most one task. When the
/// task ends, it wakes the watches too, so that one that still waits starts another task.
#[derive(Debug)]
struct WakeupTask {
    wakeup: Arc<SharedWakeup>,
    /// The revision of the last change for which the watches were woken.
    through: Revision,
}

/// The times at which the watches are woken to send.
#[derive(Debug)]
struct SendTimes {
    last: Instant,
}

// === impl Wakeups ===

impl Wakeups {
    /// The shared wake-up of the subject that has this signal.
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
    /// Waits for the next wake-up. Returns `false` if `idle` completes before. `has_next` says
    /// whether the watch has something to send. Starts the task if there is none.
    pub(super) async fn wait(
        self: &Arc<Self>,
        has_next: impl FnOnce() -> bool,
        idle: impl Future<Output = ()>,
    ) -> bool {
        // Created before the check, so that a wake-up in between completes it.
        let woken = self.woken();
        if let Some(task) = self.take_task() {
            drop(tokio::spawn(task.run()));
        }
        if has_next() {
            // The wake-up for it may have come before this watch waits.
            self.requested.notify_one();
        }
        tokio::select! {
            () = woken => true,
            () = idle => false,
        }
    }

    /// A future that completes with the next wake-up after this call.
    fn woken(&self) -> Notified<'_> {
        let woken = self.woken.notified();
        self.is_awaited.store(true, Ordering::Release);
        woken
    }

    /// Returns the task to run, unless there is one already.
    fn take_task(self: &Arc<Self>) -> Option<WakeupTask> {
        let is_taken = self.has_task.swap(true, Ordering::AcqRel);
        (!is_taken).then(|| WakeupTask {
            wakeup: Arc::clone(self),
            // The first wake-up comes at once, because the watch that starts the task may have
            // something to send.
            through: 0,
        })
    }
}

impl Drop for SharedWakeup {
    fn drop(&mut self) {
        let mut by_signal = self.wakeups.by_signal.lock();
        let address = address(&self.signal);
        // Another wake-up may have replaced this one since its last reference was dropped.
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
    /// Wakes the watches for each change, until there is no change for a while or no watch
    /// waits.
    async fn run(mut self) {
        let mut times = SendTimes::new();
        while time::timeout(QUIET_AFTER, self.change_or_request())
            .await
            .is_ok()
        {
            times.next().await;
            if !self.wake() {
                break;
            }
        }
    }

    /// Waits until there is a change for which the watches were not woken, or until a watch
    /// requests a wake-up.
    async fn change_or_request(&self) {
        loop {
            // Created before the check, so that a change in between completes it.
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

    /// Wakes all watches that wait. Returns whether any has waited since the last wake-up.
    fn wake(&mut self) -> bool {
        self.through = self.wakeup.signal.last_change();
        let is_awaited = self.wakeup.is_awaited.swap(false, Ordering::AcqRel);
        self.wakeup.woken.notify_waiters();
        is_awaited
    }
}

impl Drop for WakeupTask {
    fn drop(&mut self) {
        // A swap instead of a store, so that it is ordered after each `take_task` that found a
        // task. A watch that found this task is therefore woken below.
        self.wakeup.has_task.swap(false, Ordering::AcqRel);
        self.wakeup.woken.notify_waiters();
    }
}

// === impl SendTimes ===

impl SendTimes {
    /// The times from now on.
    fn new() -> Self {
        Self {
            last: Instant::now(),
        }
    }

    /// Waits for the next time. If that has passed already, waits for the next tick of the
    /// timer, so that changes that come at about the same time are sent together.
    async fn next(&mut self) {
        let soon = Instant::now() + Duration::from_nanos(1);
        // The time at which the wake-up was due. It happens up to a tick of the timer later.
        self.last = soon.max(self.last + MESSAGE_INTERVAL);
        time::sleep_until(self.last).await;
    }
}

#[cfg(test)]
mod tests;
