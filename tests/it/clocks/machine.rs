//! The clocks of a machine, which only tests move.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use headcount::domain::{Clock, Time};

pub(crate) const SECOND: u64 = 1_000;
pub(crate) const MINUTE: u64 = 60 * SECOND;
const BEGAN: u64 = 1_700_000_000_000;

/// What a system's clock can be ahead by, in milliseconds.
pub(crate) const SKEWS: [i64; 4] = [HOUR, -HOUR, YEAR, -YEAR];
pub(crate) const HOUR: i64 = 60 * MINUTE as i64;
pub(crate) const YEAR: i64 = 365 * 24 * HOUR;

/// The clocks of a machine, in milliseconds.
#[derive(Debug)]
pub(crate) struct Machine {
    truth: AtomicU64,
    /// How far the system's clock is ahead of the truth.
    skew: AtomicI64,
}

impl Machine {
    /// A machine whose system's clock is so far ahead.
    pub(crate) fn new(skew: i64) -> Self {
        Self {
            truth: AtomicU64::new(BEGAN),
            skew: AtomicI64::new(skew),
        }
    }

    /// The true time.
    pub(crate) fn now(&self) -> u64 {
        self.truth.load(Relaxed)
    }

    pub(crate) fn pass(&self, millis: u64) {
        self.truth.fetch_add(millis, Relaxed);
    }

    pub(crate) fn set_skew(&self, skew: i64) {
        self.skew.store(skew, Relaxed);
    }

    /// What the system's clock says.
    pub(crate) fn system(&self) -> Time {
        let skewed = self.now().saturating_add_signed(self.skew.load(Relaxed));
        Time::from_millis(skewed).unwrap_or(Time::MIN)
    }

    /// The clock of a process that starts now.
    pub(crate) fn clock(self: &Arc<Self>) -> Clock {
        let (began, system, monotonic) = (self.now(), Arc::clone(self), Arc::clone(self));
        Clock::from_parts(
            move || system.system(),
            move || Duration::from_millis(monotonic.now() - began),
        )
    }
}
