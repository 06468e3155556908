//! What a clock says at one moment, and what follows for what is received then.

use std::time::Duration;

use crate::domain::Time;

/// How far this service's time and the vendors' may be apart before one of them counts as wrong.
/// An entry is received at most this long after the vendors' time. Evidence is kept for as much
/// longer than the reorder horizon.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// What a [`Clock`](super::Clock) says at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// This service's time.
    pub own: Time,
    /// The vendors' time: none of their clocks showed a later one. `None` until it is known.
    pub vendors: Option<Time>,
    /// Whether the clocks agree, and a vendor's time was heard since the start. Otherwise what
    /// seems too late or too early may be in time: it must not be refused for ever, nor taken
    /// without effect.
    pub is_certain: bool,
}

impl Times {
    /// When an entry counts as received: now, but not long after the vendors' time. So an entry is
    /// never further ahead than the vendors' clocks are, however wrong the system's is.
    pub fn received_at(&self) -> Time {
        let limit = self.vendors.map(|at| at.saturating_add(CLOCK_TOLERANCE));
        limit.map_or(self.own, |limit| limit.min(self.own))
    }

    /// The time of a tick, up to which evidence is forgotten: the earlier of both. `None` while
    /// the vendors' time is unknown: then nothing is forgotten.
    pub fn tick(&self) -> Option<Time> {
        self.vendors.map(|at| at.min(self.own))
    }

    /// Whether a time is more than `span` too old, for either clock. With the reorder horizon as
    /// the span, the evidence about older events may be forgotten.
    pub fn is_too_old(&self, at: Time, span: Duration) -> bool {
        let by_vendors = self.vendors.map(|at| at.saturating_sub(CLOCK_TOLERANCE));
        let latest = self.received_at().max(by_vendors.unwrap_or(Time::MIN));
        at < latest.saturating_sub(span)
    }

    /// Whether an event of this time has an effect, if it is received now.
    pub fn is_in_time(&self, at: Time, horizon: Duration) -> bool {
        at <= self.received_at().saturating_add(horizon) && !self.is_too_old(at, horizon)
    }
}
