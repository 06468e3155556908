use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use proptest::prelude::*;

use super::*;

const BEGAN: u64 = 1_700_000_000_000;
const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const YEAR: i64 = 365 * 24 * HOUR;
const HORIZON: Duration = Duration::from_secs(600);

/// A machine whose clocks a test moves, in milliseconds, and the true time.
struct Machine {
    truth: Arc<AtomicU64>,
    skew: Arc<AtomicI64>,
    slept: Arc<AtomicU64>,
    clock: Clock,
}

impl Machine {
    /// Starts with a system's clock that is ahead of the truth.
    fn new(skew: i64) -> Self {
        let truth = Arc::new(AtomicU64::new(BEGAN));
        let skew = Arc::new(AtomicI64::new(skew));
        let slept = Arc::new(AtomicU64::new(0));
        let (now, ahead) = (Arc::clone(&truth), Arc::clone(&skew));
        let system = move || at(now.load(Relaxed), ahead.load(Relaxed));
        let (now, asleep) = (Arc::clone(&truth), Arc::clone(&slept));
        let awake = move || Duration::from_millis(now.load(Relaxed) - BEGAN - asleep.load(Relaxed));
        let clock = Clock::from_parts(system, awake);
        Self {
            truth,
            skew,
            slept,
            clock,
        }
    }

    fn pass(&self, millis: i64) {
        self.truth.fetch_add(millis.unsigned_abs(), Relaxed);
    }

    /// The machine sleeps: its monotonic clock stands still.
    fn sleep(&self, millis: i64) {
        self.slept.fetch_add(millis.unsigned_abs(), Relaxed);
        self.pass(millis);
    }

    fn set_skew(&self, skew: i64) {
        self.skew.store(skew, Relaxed);
    }

    /// The true time and so much.
    fn now(&self, off: i64) -> Time {
        at(self.truth.load(Relaxed), off)
    }

    /// A vendor signs a callback by a clock that is so far off.
    fn hear(&self, off: i64) {
        self.clock.hear(self.now(off));
    }

    fn take(&self, step: Step) {
        match step {
            Step::Pass(millis) => self.pass(millis),
            Step::Skew(skew) => self.set_skew(skew),
            Step::Hear(delay) => self.hear(-delay),
        }
    }

    /// How far the own time is ahead of the truth.
    fn own_off(&self) -> i64 {
        self.off(self.clock.now())
    }

    fn off(&self, time: Time) -> i64 {
        time.as_millis() as i64 - self.truth.load(Relaxed) as i64
    }
}

fn at(millis: u64, off: i64) -> Time {
    Time::from_millis(millis.saturating_add_signed(off)).unwrap_or(Time::MIN)
}

/// What a machine's clock can be off by.
const SKEWS: [i64; 4] = [HOUR, -HOUR, YEAR, -YEAR];

#[test]
fn a_step_of_the_systems_clock_does_not_move_the_time() {
    for skew in SKEWS {
        let machine = Machine::new(0);
        machine.hear(0);
        assert!(machine.clock.times().is_certain);
        machine.set_skew(skew);
        for _ in 0..100 {
            machine.pass(SECOND);
            machine.hear(-SECOND);
            assert_eq!(machine.own_off(), 0);
            assert_eq!(machine.clock.state().system_ahead, skew);
            assert!(!machine.clock.times().is_certain);
        }
        machine.set_skew(0);
        assert!(machine.clock.times().is_certain);
        assert_eq!(machine.clock.state().system_ahead, 0);
    }
}

#[test]
fn the_time_follows_the_systems_clock_when_three_vendor_times_confirm_it() {
    for skew in SKEWS {
        let machine = Machine::new(skew);
        machine.pass(9 * SECOND);
        machine.set_skew(0);
        for _ in 0..2 {
            machine.hear(0);
            assert_eq!(machine.own_off(), skew);
            assert!(!machine.clock.times().is_certain);
        }
        machine.hear(0);
        assert_eq!(machine.own_off(), 0);
        assert_eq!(machine.clock.state().moved, -skew);
        assert!(!machine.clock.times().is_certain || skew > 0);
        machine.pass(61 * SECOND);
        machine.hear(0);
        assert!(machine.clock.times().is_certain);
    }
}

#[test]
fn votes_of_more_than_a_minute_ago_do_not_count() {
    let machine = Machine::new(HOUR);
    machine.set_skew(0);
    machine.hear(0);
    machine.hear(0);
    machine.pass(61 * SECOND);
    machine.hear(0);
    assert_eq!(machine.own_off(), HOUR);
}

#[test]
fn a_machine_that_slept_catches_up() {
    let machine = Machine::new(0);
    machine.hear(0);
    machine.sleep(HOUR);
    assert_eq!(machine.own_off(), -HOUR);
    assert!(!machine.clock.times().is_certain);
    for _ in 0..3 {
        machine.hear(0);
    }
    assert_eq!(machine.own_off(), 0);
    machine.hear(0);
    assert_eq!(machine.off(machine.clock.times().tick().unwrap()), 0);
}

#[test]
fn nothing_is_forgotten_nor_certain_before_a_vendor_is_heard() {
    let machine = Machine::new(0);
    assert_eq!(machine.clock.times().tick(), None);
    machine.clock.resume(machine.now(-HOUR));
    let times = machine.clock.times();
    assert_eq!(times.tick(), Some(machine.now(-HOUR)));
    assert!(!times.is_certain);
    // The clock of the start and the journal may be wrong together.
    machine.clock.resume(machine.now(0));
    assert!(!machine.clock.times().is_certain);
    machine.hear(0);
    assert!(machine.clock.times().is_certain);
}

#[test]
fn a_system_clock_that_is_ahead_at_the_start_carries_nothing_ahead() {
    for skew in [HOUR, YEAR] {
        let machine = Machine::new(skew);
        machine.hear(0);
        machine.pass(5 * SECOND);
        let times = machine.clock.times();
        assert_eq!(machine.off(times.tick().unwrap()), 0);
        assert_eq!(machine.off(times.received_at()), TOLERANCE);
        assert!(times.is_in_time(machine.now(0), HORIZON));
        assert!(!times.is_in_time(machine.now(-11 * 60 * SECOND), HORIZON));
    }
}

/// What the journal's time has passed may be forgotten.
#[test]
fn a_system_clock_that_is_behind_at_the_start_believes_nothing_old() {
    for skew in [-HOUR, -YEAR] {
        let machine = Machine::new(skew);
        machine.clock.resume(machine.now(0));
        let times = machine.clock.times();
        assert_eq!(machine.off(times.received_at()), skew);
        assert!(!times.is_in_time(times.own, HORIZON));
        assert!(times.is_too_old(times.own, HORIZON));
    }
}

#[test]
fn one_vendor_whose_clock_is_far_ahead_does_not_spoil_it_for_the_others() {
    for off in [HOUR, YEAR, i64::MAX / 2] {
        let machine = Machine::new(0);
        for _ in 0..100 {
            machine.hear(0);
            machine.hear(off);
            assert!(!machine.clock.times().is_certain);
            assert_eq!(machine.own_off(), 0);
            let vendors = machine.off(machine.clock.times().vendors.unwrap());
            assert_eq!(vendors, TOLERANCE);
        }
        machine.pass(61 * SECOND);
        assert!(machine.clock.times().is_certain);
    }
}

#[test]
fn a_vendor_that_is_wrong_does_not_confirm_a_step_that_is() {
    let machine = Machine::new(0);
    machine.set_skew(HOUR);
    for _ in 0..100 {
        machine.hear(YEAR);
        assert_eq!(machine.own_off(), 0);
    }
}

#[test]
fn a_journal_whose_time_is_ahead_is_corrected_by_three_vendor_times() {
    for ahead in [HOUR, YEAR] {
        let machine = Machine::new(0);
        machine.clock.resume(machine.now(ahead));
        for _ in 0..2 {
            machine.hear(0);
            assert!(!machine.clock.times().is_certain);
            assert!(!machine.clock.times().is_in_time(machine.now(0), HORIZON));
        }
        machine.hear(0);
        assert!(machine.clock.times().is_certain);
        assert!(machine.clock.times().is_in_time(machine.now(0), HORIZON));
    }
}

#[test]
fn times_that_nobody_signed_count_only_near_a_clock() {
    let machine = Machine::new(0);
    let hear = |off| machine.clock.hear_unsigned(machine.now(off), HORIZON);
    for off in [HOUR, -HOUR, YEAR, 601 * SECOND] {
        hear(off);
        assert_eq!(machine.clock.times().vendors, None, "{off}");
        assert_eq!(machine.clock.state().vendors_ahead, None, "{off}");
    }
    hear(-600 * SECOND);
    assert_eq!(machine.clock.state().vendors_ahead, Some(-600 * SECOND));
    // They are votes for the system's clock, when that was wrong at the start.
    let machine = Machine::new(HOUR);
    machine.set_skew(0);
    for _ in 0..3 {
        machine.clock.hear_unsigned(machine.now(0), HORIZON);
    }
    assert_eq!(machine.own_off(), 0);
}

/// Whoever sends callbacks that are not signed, and makes up their times, changes nothing for those
/// that are signed.
#[test]
fn times_that_nobody_signed_do_not_make_signed_ones_uncertain() {
    for off in [61 * SECOND, 600 * SECOND, -61 * SECOND, -600 * SECOND] {
        let machine = Machine::new(0);
        let disturb = || {
            for _ in 0..3 {
                machine.clock.hear_unsigned(machine.now(off), HORIZON);
            }
        };
        disturb();
        machine.hear(-SECOND);
        assert!(machine.clock.times().is_certain, "{off}");
        for _ in 0..3 {
            machine.pass(61 * SECOND);
            disturb();
            assert!(machine.clock.times().is_certain, "{off}");
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Pass(i64),
    Skew(i64),
    /// A callback that was on its way for so long.
    Hear(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let skew = prop_oneof![
        Just(0),
        prop::sample::select(&SKEWS[..]),
        -2 * HOUR..2 * HOUR,
        -100 * SECOND..100 * SECOND,
    ];
    prop_oneof![
        2 => (0..90 * SECOND).prop_map(Step::Pass),
        1 => skew.prop_map(Step::Skew),
        4 => (0..62 * SECOND).prop_map(Step::Hear),
    ]
}

/// What times that nobody signed are off by.
fn unsigned() -> impl Strategy<Value = Vec<i64>> {
    let off = prop_oneof![-700 * SECOND..700 * SECOND, -2 * HOUR..2 * HOUR];
    prop::collection::vec(off, 0..5)
}

proptest! {
    /// However the system's clock jumps, and whatever comes unsigned meanwhile: what would be certain
    /// without that is certain, and no clock is moved by it but the vendors', to the own time at most.
    #[test]
    fn unsigned_times_do_not_make_signed_ones_uncertain(
        steps in prop::collection::vec((step(), unsigned()), 1..60),
    ) {
        let (machine, undisturbed) = (Machine::new(0), Machine::new(0));
        let both = [&machine, &undisturbed];
        both.iter().for_each(|machine| machine.hear(0));
        for (step, unsigned) in steps {
            both.iter().for_each(|machine| machine.take(step));
            for off in unsigned {
                machine.clock.hear_unsigned(machine.now(off), HORIZON);
            }
            let [times, expected] = both.map(|it| it.clock.times());
            prop_assert_eq!(times.own, expected.own);
            prop_assert!(times.is_certain || !expected.is_certain);
            let raised = times.vendors != expected.vendors;
            prop_assert!(!raised || times.vendors <= Some(times.own));
        }
    }

    /// However the system's clock jumps, no evidence is forgotten too early, nothing is received
    /// far ahead, and what is certain is right: up to the tolerance and the delay of callbacks.
    #[test]
    fn no_jump_carries_the_time_ahead(
        skew in prop::sample::select(&SKEWS[..]),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let machine = Machine::new(skew);
        machine.clock.resume(machine.now(-30 * SECOND));
        for step in steps {
            machine.take(step);
            let times = machine.clock.times();
            prop_assert!(machine.off(times.tick().unwrap()) <= 0);
            prop_assert!(machine.off(times.received_at()) <= TOLERANCE);
            if times.is_certain {
                prop_assert!(machine.own_off().abs() <= 130 * SECOND, "{}", machine.own_off());
            }
        }
    }
}
