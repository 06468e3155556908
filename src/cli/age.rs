//! How long ago something was, for people.

use std::time::{SystemTime, UNIX_EPOCH};

use prost_types::Timestamp;

/// A time, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) i64);

// === impl Moment ===

impl Moment {
    /// The time of this machine's clock.
    pub(super) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let millis = since.map_or(0, |since| since.as_millis());
        Self(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    /// How long before `now` it was, rounded down: `12s`, `4m`, `3h`, `2d`. Nothing is in the
    /// future: clocks differ a little.
    pub(super) fn age(self, now: Self) -> String {
        let seconds = now.0.saturating_sub(self.0).max(0) / 1000;
        match seconds {
            ..60 => format!("{seconds}s"),
            60..3_600 => format!("{}m", seconds / 60),
            3_600..86_400 => format!("{}h", seconds / 3_600),
            _ => format!("{}d", seconds / 86_400),
        }
    }
}

impl From<&Timestamp> for Moment {
    fn from(time: &Timestamp) -> Self {
        let millis = time.seconds.saturating_mul(1000);
        Self(millis.saturating_add(i64::from(time.nanos / 1_000_000)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_one_unit() {
        let then = Moment::from(&Timestamp {
            seconds: 100,
            nanos: 5_000_000,
        });
        assert_eq!(then, Moment(100_005));
        for (later, age) in [
            (-5_000, "0s"),
            (999, "0s"),
            (59_999, "59s"),
            (60_000, "1m"),
            (3_599_999, "59m"),
            (3_600_000, "1h"),
            (86_400_000 * 400, "400d"),
        ] {
            assert_eq!(then.age(Moment(then.0 + later)), age);
        }
    }
}
