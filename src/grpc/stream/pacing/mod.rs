//! When a watch sends.
//!
//! A watch sends each change at once, as long as its subject does not change faster than a
//! watch may send ([`rate`]). If it does, the watch is held back: changes are collected, and
//! all watches of the subject that are held back send at the same moments ([`wakeup`]). A
//! watch that has sent nothing for a while sends progress ([`idle_timer`]).

mod idle_timer;
mod rate;
mod wakeup;

use std::sync::Arc;

use crate::roster::{Watch, Watchable};

pub(super) use self::idle_timer::IdleTimer;
pub(in crate::grpc) use self::wakeup::Wakeups;

use self::{rate::Rate, wakeup::SharedWakeup};

/// Decides when one watch sends changes.
#[derive(Debug)]
pub(super) struct Pacing {
    rate: Rate,
    wakeups: Arc<Wakeups>,
    /// The wake-up of the subject, for as long as the watch is held back.
    wakeup: Option<Arc<SharedWakeup>>,
}

impl Pacing {
    /// The pacing of a watch that has sent nothing.
    pub(super) fn new(wakeups: Arc<Wakeups>) -> Self {
        Self {
            rate: Rate::new(),
            wakeups,
            wakeup: None,
        }
    }

    /// Waits until the watch may send. Returns at once if the watch is not held back. While it
    /// is held back, returns at a common moment of the subject's watches at which this watch
    /// has something to send. To drop the future loses nothing.
    pub(super) async fn ready<S: Watchable>(&mut self, watch: &mut Watch<S>, idle: &mut IdleTimer) {
        while self.rate.holds_back() {
            let wakeup = self
                .wakeup
                .get_or_insert_with(|| self.wakeups.of(watch.change_signal()));
            let is_idle = !wakeup.wait(|| watch.has_next(), idle.elapsed()).await;
            if is_idle {
                watch.request_progress();
            }
            if watch.has_next() {
                return;
            }
        }
        self.wakeup = None;
    }

    /// Notes that the watch sent changes.
    pub(super) fn note_sent(&mut self) {
        self.rate.note_sent();
    }
}
