//! How far a time that a vendor named is from the time of receipt.

use std::{fmt, time::Duration};

use crate::domain::Time;

/// How far a time is from the time of receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// It is so long before.
    Before(Duration),
    /// It is so long after.
    After(Duration),
}

impl Offset {
    /// How far `millis`, since the Unix epoch, is from the time of receipt.
    pub fn between(millis: u64, received_at: Time) -> Self {
        let received_at = received_at.as_millis();
        let distance = Duration::from_millis(millis.abs_diff(received_at));
        if millis < received_at {
            Self::Before(distance)
        } else {
            Self::After(distance)
        }
    }

    /// The distance, either way.
    pub fn distance(self) -> Duration {
        match self {
            Self::Before(distance) | Self::After(distance) => distance,
        }
    }
}

impl fmt::Display for Offset {
    /// In seconds and above: `1h 2m 3s before`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = Duration::from_secs(self.distance().as_secs());
        let side = match self {
            Self::Before(_) => "before",
            Self::After(_) => "after",
        };
        write!(f, "{} {side}", humantime::format_duration(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_told_in_seconds_and_above() {
        let received_at = Time::from_millis(10_000_000).unwrap();
        let told = |millis| Offset::between(millis, received_at).to_string();
        assert_eq!(told(10_000_000), "0s after");
        assert_eq!(told(9_000_500), "16m 39s before");
        assert_eq!(told(13_723_000), "1h 2m 3s after");
        assert!(told(u64::MAX).ends_with(" after"));
    }
}
