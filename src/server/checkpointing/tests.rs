use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

#[test]
fn a_clock_that_is_ahead_drops_no_entries() {
    const NOW: u64 = 1_700_000_000_000;
    const YEAR: u64 = 365 * 24 * 3_600_000;
    let time = |millis| Time::from_millis(millis).unwrap();
    let system = Arc::new(AtomicU64::new(NOW + YEAR));
    let now = Arc::clone(&system);
    let now = move || time(now.load(Ordering::Relaxed));
    let clock = Clock::from_parts(now, || Duration::ZERO);
    let policy = CheckpointPolicy::new(&JournalConfig::default(), clock.clone());
    // Before a vendor is heard, everything is kept.
    assert_eq!(policy.keep_from(), Time::MIN);
    clock.hear(time(NOW));
    let keep_from = time(NOW).saturating_sub(policy.retention);
    assert_eq!(policy.keep_from(), keep_from);
    system.store(NOW, Ordering::Relaxed);
    for _ in 0..3 {
        clock.hear(time(NOW));
    }
    assert_eq!(policy.keep_from(), keep_from);
    system.store(NOW + YEAR, Ordering::Relaxed);
    assert_eq!(policy.keep_from(), keep_from);
}
