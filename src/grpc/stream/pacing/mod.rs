//! When a watch sends.
//!
//! A watch of a quiet subject sends each change at once. When a subject changes faster
//! than a watch may send ([`rate`]), the watch is held back: its changes gather, and it
//! sends them at the same moments as all other watches of the subject ([`wakeup`]). A
//! watch that has sent nothing for a while says so ([`silence`]).

mod rate;
mod silence;
mod wakeup;

use std::sync::Arc;

use crate::roster::{Watch, Watchable};

pub(super) use self::silence::Silence;
pub(in crate::grpc) use self::wakeup::Wakeups;

use self::{rate::Rate, wakeup::SharedWakeup};

/// When one watch sends changes.
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

    /// Waits until the watch may send. Returns at once if it is not held back. While it
    /// is, returns when it has something to send, with other watches of the subject.
    /// Dropping the future loses nothing.
    pub(super) async fn ready<S: Watchable>(
        &mut self,
        watch: &mut Watch<S>,
        silence: &mut Silence,
    ) {
        while self.rate.holds_back() {
            let wakeup = self
                .wakeup
                .get_or_insert_with(|| self.wakeups.of(watch.change_signal()));
            let is_silent = !wakeup.wait(|| watch.has_next(), silence.end()).await;
            if is_silent {
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
