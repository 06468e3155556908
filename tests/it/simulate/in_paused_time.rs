//! The simulator against a right service in memory.

use std::sync::Arc;

use headcount::{
    reconcile::Rules,
    simulate::{Cause, Options, VendorName, Verdict, run_on},
};
use tokio::time::{Duration, Instant};

use super::{assert_explained, assert_none, in_memory::InMemory, small};

/// A run against a service that has all the rules.
async fn run(options: Options) -> Verdict {
    let service = Arc::new(InMemory::new(Rules::default()).await);
    run_on(&options, service).await.unwrap()
}

/// Tencent and ZIM number no callbacks, so their loss cannot be noticed.
#[tokio::test(start_paused = true)]
async fn loss_of_what_has_no_numbers_is_never_flagged() {
    for vendor in [VendorName::Tencent, VendorName::Zim] {
        let verdict = run(Options {
            vendor: Some(vendor),
            callbacks: 600,
            loss: 0.1,
            ..small(1)
        });
        let verdict = verdict.await;
        let unnumbered = verdict.count(Cause::LossUnnumbered);
        assert!(unnumbered > 0, "{verdict}");
        assert_eq!(unnumbered, verdict.differences.len(), "{verdict}");
    }
}

#[tokio::test(start_paused = true)]
async fn loss_is_told_apart_from_faults() {
    let mut counts = [0, 0, 0];
    for seed in 0..3 {
        let verdict = run(Options {
            vendor: Some(VendorName::Zego),
            loss: 0.05,
            ..small(seed)
        });
        let verdict = verdict.await;
        assert!(verdict.lost > 0);
        assert_explained(&verdict);
        counts[0] += verdict.count(Cause::LossFlagged);
        counts[1] += verdict.count(Cause::LossAtTheEnd);
        counts[2] += verdict.count(Cause::LossUnnumbered);
    }
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn paced_callbacks_take_their_time() {
    let began = Instant::now();
    let verdict = run(Options {
        rooms: 3,
        callbacks: 200,
        rate: Some(100.0),
        ..small(5)
    });
    assert_none(&verdict.await);
    let took = began.elapsed();
    assert!(took > Duration::from_secs(2), "{took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}
