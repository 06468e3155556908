//! Points in time, by a vendor's clock or by this service's.

use std::{fmt, num::NonZeroU64, time::Duration};

/// A point in time: milliseconds since the Unix epoch, by a vendor's clock or by
/// this service's.
///
/// Zero is not a time. Vendors send it where they have none, so it decodes to
/// `None` of `Option<Time>`, which sorts before every time that is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(NonZeroU64);

impl Time {
    /// The earliest time there is.
    pub const MIN: Time = Time(NonZeroU64::MIN);

    /// Milliseconds since the Unix epoch; `None` for zero.
    pub fn from_millis(millis: u64) -> Option<Time> {
        NonZeroU64::new(millis).map(Time)
    }

    /// Milliseconds since the Unix epoch.
    pub fn as_millis(self) -> u64 {
        self.0.get()
    }

    /// This much later; the latest time there is, if that would be past it.
    #[must_use]
    pub fn saturating_add(self, span: Duration) -> Time {
        Time(self.0.saturating_add(millis(span)))
    }

    /// This much earlier; [`Time::MIN`], if that would be before it.
    #[must_use]
    pub fn saturating_sub(self, span: Duration) -> Time {
        NonZeroU64::new(self.0.get().saturating_sub(millis(span))).map_or(Time::MIN, Time)
    }

    /// How much later it is than another; nothing, if it is earlier.
    pub fn since(self, other: Time) -> Duration {
        Duration::from_millis(self.0.get().saturating_sub(other.0.get()))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_saturate() {
        let second = Duration::from_secs(1);
        assert_eq!(Time::MIN.saturating_sub(second), Time::MIN);
        let last = Time(NonZeroU64::MAX);
        assert_eq!(last.saturating_add(Duration::MAX), last);
        assert_eq!(Time::from_millis(0), None);
    }
}
