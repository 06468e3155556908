//! Bounds what undecodable callbacks take of the journal.
//!
//! They are kept so that a repaired decoder can read them. But many vendors' signatures do not
//! cover the body, so whoever saw one can send any body with it for as long as it is fresh. Without
//! a bound they would fill the disk, or let the history of true callbacks be dropped.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::{
    domain::{AppName, Time},
    net::Throttle,
};

const HOUR_MILLIS: u64 = 3_600_000;

/// What the undecodable callbacks of one product take, app by app.
#[derive(Debug)]
pub(super) struct Undecodables {
    /// What those of an app may take in an hour.
    bytes_max: u64,
    /// The latest hour of each app that sent one. Only apps that are configured can.
    hours: Mutex<HashMap<AppName, Hour>>,
    /// Of those that are not kept.
    pub(super) dropped_log: Throttle,
}

#[derive(Clone, Copy, Debug, Default)]
struct Hour {
    number: u64,
    bytes: u64,
}

impl Undecodables {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            hours: Mutex::default(),
            dropped_log: Throttle::default(),
        }
    }

    /// Whether a callback of so many bytes is to be kept, which counts it. One that the journal
    /// refuses counts again when it is sent again.
    pub(super) fn admits(&self, app: &AppName, bytes: usize, now: Time) -> bool {
        let number = now.as_millis() / HOUR_MILLIS;
        let mut hours = self.hours.lock();
        let hour = match hours.get_mut(app) {
            Some(hour) => hour,
            None => hours.entry(app.clone()).or_default(),
        };
        if hour.number != number {
            *hour = Hour { number, bytes: 0 };
        }
        let bytes = hour.bytes.saturating_add(bytes as u64);
        let is_admitted = bytes <= self.bytes_max;
        if is_admitted {
            hour.bytes = bytes;
        }
        is_admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_app_has_its_bytes_of_each_hour() {
        let undecodables = Undecodables::new(100);
        let admits = |app: &str, bytes, millis| {
            let now = Time::from_millis(millis).unwrap();
            undecodables.admits(&app.into(), bytes, now)
        };
        assert!(admits("a", 60, HOUR_MILLIS));
        assert!(!admits("a", 41, HOUR_MILLIS));
        assert!(admits("a", 40, 2 * HOUR_MILLIS - 1), "a short one fits");
        assert!(!admits("a", 1, 2 * HOUR_MILLIS - 1));
        assert!(admits("b", 100, 2 * HOUR_MILLIS - 1));
        assert!(admits("a", 100, 2 * HOUR_MILLIS));
        assert!(!admits("a", usize::MAX, 3 * HOUR_MILLIS));
    }
}
