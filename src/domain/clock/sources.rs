//! What a clock reads.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::domain::Time;

/// The two clocks of the machine.
pub(super) struct Sources {
    /// The system's clock. It can be set, so its times can jump either way.
    system: Box<dyn Fn() -> Time + Send + Sync>,
    /// The time since some moment. It never jumps. It may stand still while the machine sleeps.
    monotonic: Box<dyn Fn() -> Duration + Send + Sync>,
}

/// What both clocks of the machine say at one moment, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// The monotonic clock.
    pub(super) monotonic: i64,
    /// How far the system's clock is ahead of the monotonic one.
    pub(super) system: i64,
}

impl Sources {
    pub(super) fn new(
        system: impl Fn() -> Time + Send + Sync + 'static,
        monotonic: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        Self {
            system: Box::new(system),
            monotonic: Box::new(monotonic),
        }
    }

    /// The clocks of this machine.
    pub(super) fn of_machine() -> Self {
        let began = Instant::now();
        let system = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            // Before 1970 every signature is stale, which is as it should be.
            Time::MIN.saturating_add(since.unwrap_or_default())
        };
        Self::new(system, move || began.elapsed())
    }

    pub(super) fn read(&self) -> Reading {
        let monotonic = (self.monotonic)().as_millis();
        let monotonic = i64::try_from(monotonic).unwrap_or(i64::MAX);
        Reading {
            monotonic,
            system: offset((self.system)(), monotonic),
        }
    }
}

/// How far a time is ahead of the monotonic clock. As an offset, a time goes on by itself.
pub(super) fn offset(at: Time, monotonic: i64) -> i64 {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    millis.saturating_sub(monotonic)
}

/// The time that is so far ahead of the monotonic clock.
pub(super) fn time(offset: i64, monotonic: i64) -> Time {
    let millis = u64::try_from(offset.saturating_add(monotonic));
    Time::from_millis(millis.unwrap_or(0)).unwrap_or(Time::MIN)
}
