use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::{
    checkpoint::memory::MemoryCheckpoints,
    domain::{AppName, Logins},
    journal::{Entry, MemoryJournal, Payload},
    reconcile::Rules,
    roster::Limits,
};

/// The revisions of the checkpoints that are written soon after a start that found so many
/// entries.
async fn written_after(entries: u64) -> Vec<Revision> {
    let journal = Arc::new(MemoryJournal::new());
    let apps = [(AppName::from("arena"), Logins::Concurrent)];
    let (roster, applier) = Roster::new(journal.epoch(), apps, Rules::default(), Limits::default());
    journal.follow(0, Box::new(applier)).unwrap();
    for _ in 0..entries {
        let entry = Entry {
            received_at: Time::MIN,
            payload: Payload::Tick,
        };
        journal.append(entry).await.unwrap();
    }
    let store = Arc::new(MemoryCheckpoints::default());
    let kept = Arc::<MemoryCheckpoints>::clone(&store);
    let checkpoints = Checkpoints::new(Arc::<MemoryJournal>::clone(&journal), kept);
    let policy = CheckpointPolicy {
        interval: Duration::from_secs(600),
        entries: 10 * REPLAYED_MAX,
        retention: Duration::from_secs(600),
        clock: Clock::system(),
    };
    let kept = keep_checkpoints(journal, checkpoints, roster, policy, false);
    let _ = time::timeout(Duration::from_secs(5), kept).await;
    store.checkpoints.lock().keys().copied().collect()
}

#[tokio::test(start_paused = true)]
async fn a_start_that_replayed_much_writes_a_checkpoint_at_once() {
    assert!(written_after(REPLAYED_MAX - 1).await.is_empty());
    assert_eq!(written_after(REPLAYED_MAX).await, [REPLAYED_MAX]);
}

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
