//! What the simulator is for: no difference when all rules are kept, and one whenever a
//! rule is missing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use headcount::{
    reconcile::{Rule, Rules},
    simulate::{Cause, Forgetting, Options, Verdict, run_on},
};
use parking_lot::Mutex;
use tokio::runtime::Builder;

use super::{assert_none, in_memory::InMemory, small};

const HORIZON: Duration = Duration::from_secs(3);
const GRACE: Duration = Duration::from_millis(500);

/// These are about forgetting, for which time has to pass.
const ABOUT_FORGETTING: [Rule; 7] = [
    Rule::LateEndsStillEnd,
    Rule::EvidenceOutlivesHorizon,
    Rule::PresentUsersStay,
    Rule::AbsentUsersGoWhole,
    Rule::EarlierLivesGoToo,
    Rule::TheCurrentLifeStays,
    Rule::UnknownStartsStay,
];

/// A run in which each story is told, and which one test can make for every rule.
fn smaller(seed: u64) -> Options {
    Options {
        rooms: 30,
        callbacks: 900,
        ..small(seed)
    }
}

/// A run that sends everything at once, to a service with all rules but one.
async fn at_once(seed: u64, without: Option<Rule>) -> Verdict {
    let rules = Rules {
        without,
        ..Rules::default()
    };
    let service = Arc::new(InMemory::new(rules).await);
    run_on(&smaller(seed), service).await.unwrap()
}

/// A run that takes its time, to a service that forgets after seconds.
async fn forgetting(seed: u64, without: Option<Rule>) -> Verdict {
    let rules = Rules {
        without,
        reorder_horizon: HORIZON,
        evidence_grace: GRACE,
        ..Rules::default()
    };
    let service = Arc::new(InMemory::new(rules).await);
    let options = Options {
        forgetting: Some(Forgetting {
            horizon: HORIZON,
            grace: GRACE,
        }),
        ..smaller(seed)
    };
    run_on(&options, service).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_right_service_tells_the_truth() {
    assert_none(&at_once(1, None).await);
}

#[tokio::test(start_paused = true)]
async fn a_right_service_forgets_only_what_it_may() {
    for seed in 1..=3 {
        assert_none(&forgetting(seed, None).await);
    }
}

#[test]
fn each_rule_that_is_missing_is_noticed() {
    let next = AtomicUsize::new(0);
    let unseen = Mutex::new(Vec::new());
    let take_turns = || {
        while let Some(&rule) = Rule::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
            let verdict = without(rule);
            let count = verdict.differences.len();
            println!("{rule:?}: {count}");
            assert_eq!(verdict.count(Cause::Unexplained), count);
            if count == 0 {
                unseen.lock().push(rule);
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        (0..threads).for_each(|_| drop(scope.spawn(take_turns)));
    });
    let unseen = unseen.into_inner();
    assert!(unseen.is_empty(), "nothing notices {unseen:?}");
}

/// A run of the kind that a rule is about, without the rule.
fn without(rule: Rule) -> Verdict {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        if ABOUT_FORGETTING.contains(&rule) {
            forgetting(1, Some(rule)).await
        } else {
            at_once(1, Some(rule)).await
        }
    })
}
