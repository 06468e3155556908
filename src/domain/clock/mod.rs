//! What tells the time, so that no wrong clock costs truth.
//!
//! Three clocks may disagree: the system's, which can be set; this service's *own time*, which is
//! the system's at the start and goes on by the monotonic clock; and the *vendors' time*, the
//! latest that their callbacks proved, which goes on in the same way. `docs/time.md` explains
//! what follows from them.

mod sources;
#[cfg(test)]
mod tests;
mod times;
mod votes;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;

use super::time::Time;

use self::{
    sources::{Reading, Sources, offset, time},
    votes::{LIFETIME, Votes},
};

pub use self::times::{CLOCK_TOLERANCE, Times};

/// Between the system's clock and the own time, a greater difference is a step, in milliseconds.
/// A clock that is only corrected, and not set, stays below.
pub const STEP_MIN: u64 = 1_000;

/// [`CLOCK_TOLERANCE`] in milliseconds.
const TOLERANCE: i64 = CLOCK_TOLERANCE.as_millis() as i64;

/// No vendor's time is known.
const UNKNOWN: i64 = i64::MIN;

/// What tells the time. A clone tells the same.
///
/// While all clocks agree, it is read and told a vendor's time without a lock.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    sources: Sources,
    /// How far the own time was ahead of the monotonic clock at the start, as below.
    began: i64,
    /// How far the own time is ahead of the monotonic clock, in milliseconds.
    own: AtomicI64,
    /// The same of the vendors' time, or [`UNKNOWN`].
    vendors: AtomicI64,
    /// Whether a vendor's time was heard since the start.
    is_heard: AtomicBool,
    /// Whether one was heard that was signed.
    is_signed_heard: AtomicBool,
    /// When a vendor's time last agreed with all clocks, by the monotonic clock.
    agreed_at: AtomicI64,
    /// When a vendor's time was last far ahead of the own time, by the monotonic clock.
    ahead_at: AtomicI64,
    votes: Mutex<Votes>,
}

/// How far the clocks are apart, for operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockState {
    /// How far the system's clock is ahead of the own time, in milliseconds.
    pub system_ahead: i64,
    /// How far the own time was moved since the start, in milliseconds.
    pub moved: i64,
    /// How far the vendors' time is ahead of the own time, in milliseconds. `None` until a vendor
    /// is heard.
    pub vendors_ahead: Option<i64>,
    /// As in [`Times::is_certain`].
    pub is_certain: bool,
}

impl Clock {
    /// The clock of this machine.
    pub fn system() -> Self {
        Self::new(Sources::of_machine())
    }

    /// A clock that asks a function, so that a test can move it. The system's clock and the
    /// monotonic one go together.
    pub fn from_fn(now: impl Fn() -> Time + Clone + Send + Sync + 'static) -> Self {
        let began = now().as_millis();
        let system = now.clone();
        Self::from_parts(system, move || {
            Duration::from_millis(now().as_millis().saturating_sub(began))
        })
    }

    /// A clock whose parts a test moves one by one: the system's clock, and the monotonic one.
    pub fn from_parts(
        system: impl Fn() -> Time + Send + Sync + 'static,
        monotonic: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        Self::new(Sources::new(system, monotonic))
    }

    fn new(sources: Sources) -> Self {
        let began = sources.read().system;
        Self(Arc::new(Inner {
            sources,
            began,
            own: AtomicI64::new(began),
            vendors: AtomicI64::new(UNKNOWN),
            is_heard: AtomicBool::new(false),
            is_signed_heard: AtomicBool::new(false),
            agreed_at: AtomicI64::new(UNKNOWN),
            ahead_at: AtomicI64::new(UNKNOWN),
            votes: Mutex::default(),
        }))
    }

    /// The own time. It goes back only when the vendors prove that it was ahead.
    pub fn now(&self) -> Time {
        self.times().own
    }

    /// What the clock says now.
    pub fn times(&self) -> Times {
        self.0.times(self.0.sources.read())
    }

    /// Tells a start the journal's time: the vendors' clocks had come to it.
    pub fn resume(&self, journal_time: Time) {
        let monotonic = self.0.sources.read().monotonic;
        self.0.raise_vendors(offset(journal_time, monotonic));
    }

    /// Tells the time at which a vendor signed an authentic callback, fresh or not. Returns what
    /// the clock says after that.
    pub fn hear(&self, signed_at: Time) -> Times {
        let reading = self.0.sources.read();
        let vote = offset(signed_at, reading.monotonic);
        self.0.hear_signed(reading, vote);
        self.0.times(reading)
    }

    /// Tells the time of an event of a callback without a signed time. Anybody may have sent it,
    /// so it counts only within the reorder horizon of the own time, or as a vote for the
    /// system's clock, of that. As soon as a signed time was heard, it can only raise the vendors'
    /// time to the own time: whoever signs nothing does not make the time uncertain for those who
    /// do. Returns what the clock says after that.
    pub fn hear_unsigned(&self, event_at: Time, horizon: Duration) -> Times {
        let reading = self.0.sources.read();
        let vote = offset(event_at, reading.monotonic);
        let reach = i64::try_from(horizon.as_millis()).unwrap_or(i64::MAX);
        self.0.hear_unsigned(reading, vote, reach);
        self.0.times(reading)
    }

    /// How far the clocks are apart.
    pub fn state(&self) -> ClockState {
        let inner = &*self.0;
        let reading = inner.sources.read();
        let own = inner.own.load(Relaxed);
        let heard = inner.vendors().filter(|_| inner.is_heard.load(Relaxed));
        ClockState {
            system_ahead: reading.system.saturating_sub(own),
            moved: own.saturating_sub(inner.began),
            vendors_ahead: heard.map(|vendors| vendors.saturating_sub(own)),
            is_certain: inner.is_certain(reading),
        }
    }
}

impl Inner {
    fn vendors(&self) -> Option<i64> {
        Some(self.vendors.load(Relaxed)).filter(|vendors| *vendors != UNKNOWN)
    }

    fn times(&self, reading: Reading) -> Times {
        let own = self.own.load(Relaxed);
        let vendors = self.vendors();
        Times {
            own: time(own, reading.monotonic),
            vendors: vendors.map(|vendors| time(vendors, reading.monotonic)),
            is_certain: self.is_certain(reading),
        }
    }

    fn is_certain(&self, reading: Reading) -> bool {
        let own = self.own.load(Relaxed);
        self.is_heard.load(Relaxed)
            && self.vendors().is_some_and(|vendors| is_near(vendors, own))
            && is_near(reading.system, own)
            && !is_recent(&self.ahead_at, reading)
    }

    /// Takes a signed time. The first one begins anew what times that were not signed decided.
    fn hear_signed(&self, reading: Reading, vote: i64) {
        if !self.is_signed_heard.load(Relaxed) {
            let mut votes = self.votes.lock();
            if !self.is_signed_heard.swap(true, Relaxed) {
                *votes = Votes::default();
                self.ahead_at.store(UNKNOWN, Relaxed);
                self.agreed_at.store(UNKNOWN, Relaxed);
            }
        }
        self.hear(reading, vote, i64::MAX);
    }

    /// Takes a time that was not signed.
    fn hear_unsigned(&self, reading: Reading, vote: i64, reach: i64) {
        if !self.is_signed_heard.load(Relaxed) {
            return self.hear(reading, vote, reach);
        }
        let own = self.own.load(Relaxed);
        if vote.abs_diff(own) <= reach.unsigned_abs() {
            self.raise_vendors(vote.min(own));
        }
    }

    /// Takes a vendor's time, which is believed if it is at most `reach` from a clock.
    fn hear(&self, reading: Reading, vote: i64, reach: i64) {
        let own = self.own.load(Relaxed);
        let is_step = reading.system.abs_diff(own) > STEP_MIN;
        let agrees = |clock| is_near(vote, clock);
        if !is_step && agrees(own) && self.vendors().is_some_and(agrees) {
            // Once a second is enough, so that threads do not write to it all the time.
            if reading.monotonic - 1_000 > self.agreed_at.load(Relaxed) {
                self.agreed_at.store(reading.monotonic, Relaxed);
                self.is_heard.store(true, Relaxed);
            }
            return self.raise_vendors(vote);
        }
        let is_reached = |clock: i64| vote.abs_diff(clock) <= reach.unsigned_abs();
        if is_reached(own) || is_reached(reading.system) {
            self.decide(reading, vote, is_reached);
        }
    }

    /// Takes a vendor's time while clocks disagree.
    fn decide(&self, reading: Reading, vote: i64, is_reached: impl Fn(i64) -> bool) {
        let mut votes = self.votes.lock();
        votes.add(reading.monotonic, vote);
        let own = self.own.load(Relaxed);
        let is_step = reading.system.abs_diff(own) > STEP_MIN;
        if is_step && votes.are_for(reading.system, own) {
            self.own.store(reading.system, Relaxed);
        }
        let own = self.own.load(Relaxed);
        let latest = own.saturating_add(TOLERANCE);
        if is_reached(own) {
            self.is_heard.store(true, Relaxed);
            // One vendor whose clock is far ahead must not spoil the time for the others.
            self.raise_vendors(vote.min(latest));
        }
        if vote > latest {
            self.ahead_at.store(reading.monotonic, Relaxed);
        }
        // No vendor confirms the vendors' time: it is that of a journal whose clock was wrong, or
        // of a vendor whose clock was.
        if !is_recent(&self.agreed_at, reading)
            && let Some(vendors) = self.vendors()
            && let Some(greatest) = votes.greatest_below(vendors.saturating_sub(TOLERANCE))
        {
            self.vendors.store(greatest.min(latest), Relaxed);
        }
    }

    fn raise_vendors(&self, vendors: i64) {
        if vendors > self.vendors.load(Relaxed) {
            self.vendors.fetch_max(vendors, Relaxed);
        }
    }
}

fn is_near(a: i64, b: i64) -> bool {
    a.abs_diff(b) <= TOLERANCE.unsigned_abs()
}

/// Whether something happened within the last minute.
fn is_recent(at: &AtomicI64, reading: Reading) -> bool {
    let at = at.load(Relaxed);
    at != UNKNOWN && reading.monotonic.saturating_sub(at) <= LIFETIME
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.state()).finish()
    }
}
