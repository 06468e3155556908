//! How much the roster holds, and how much callbacks under way may add.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use prometheus_client::metrics::gauge::Gauge;

use crate::reconcile::Footprint;

/// How much the roster holds of all apps. The writer keeps it. It is read without a lock, so it
/// may lag behind by the entry that is being applied.
#[derive(Debug, Default)]
pub(crate) struct Size {
    rooms: AtomicUsize,
    users: AtomicUsize,
    indexed_sessions: AtomicUsize,
    indexed_lives: AtomicUsize,
    missing_callbacks: AtomicUsize,
    bytes: AtomicUsize,
    number_bytes: AtomicUsize,
    /// What callbacks add at most that are taken and not applied yet, in bytes.
    held: AtomicUsize,
}

/// How much the roster holds of one app, and of all.
#[derive(Debug)]
pub(crate) struct AppSize {
    all: Arc<Size>,
    gauges: SizeGauges,
}

/// What operators see of the size of one app.
#[derive(Clone, Debug, Default)]
pub(crate) struct SizeGauges {
    pub(crate) rooms: Gauge,
    pub(crate) users: Gauge,
    pub(crate) missing_callbacks: Gauge,
    /// Of all apps together.
    pub(crate) bytes: Gauge,
}

impl AppSize {
    pub(crate) fn new(all: Arc<Size>, gauges: SizeGauges) -> Self {
        Self { all, gauges }
    }

    /// Notes that a room or a user takes another space than before.
    pub(crate) fn change(&self, before: Footprint, after: Footprint) {
        if before == after {
            return;
        }
        let Self { all, gauges } = self;
        for (count, before, after) in [
            (&all.rooms, before.rooms, after.rooms),
            (&all.users, before.users, after.users),
            (
                &all.indexed_sessions,
                before.indexed_sessions,
                after.indexed_sessions,
            ),
            (
                &all.indexed_lives,
                before.indexed_lives,
                after.indexed_lives,
            ),
            (
                &all.missing_callbacks,
                before.missing_callbacks,
                after.missing_callbacks,
            ),
            (&all.bytes, before.bytes, after.bytes),
            (&all.number_bytes, before.number_bytes, after.number_bytes),
        ] {
            if before != after {
                count.fetch_add(after.wrapping_sub(before), Relaxed);
            }
        }
        for (gauge, before, after) in [
            (&gauges.rooms, before.rooms, after.rooms),
            (&gauges.users, before.users, after.users),
            (
                &gauges.missing_callbacks,
                before.missing_callbacks,
                after.missing_callbacks,
            ),
            (&gauges.bytes, before.all_bytes(), after.all_bytes()),
        ] {
            if before != after {
                gauge.inc_by(after as i64 - before as i64);
            }
        }
    }
}

impl Size {
    pub(crate) fn footprint(&self) -> Footprint {
        Footprint {
            rooms: self.rooms.load(Relaxed),
            users: self.users.load(Relaxed),
            indexed_sessions: self.indexed_sessions.load(Relaxed),
            indexed_lives: self.indexed_lives.load(Relaxed),
            missing_callbacks: self.missing_callbacks.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            number_bytes: self.number_bytes.load(Relaxed),
        }
    }

    /// Holds bytes for a callback. Returns what all others hold.
    pub(crate) fn hold(&self, bytes: usize) -> usize {
        self.held.fetch_add(bytes, Relaxed)
    }

    /// Gives back what was held.
    pub(crate) fn release(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Relaxed);
    }
}
