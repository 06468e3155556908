use std::{
    net::{IpAddr, Ipv4Addr},
    task::Waker,
};

use proptest::prelude::*;
use tokio_test::{assert_pending, assert_ready, task};

use super::*;

const LIMITS: Limits = Limits {
    all_max: 6,
    peer_max: 3,
};

fn peer(n: u8) -> Peer {
    Peer::from(IpAddr::from(Ipv4Addr::new(192, 0, 2, n)))
}

fn budget() -> (Budget, Trust) {
    let trust = Trust::default();
    let budget = Budget::new("tests", LIMITS, trust.clone(), Counter::default());
    (budget, trust)
}

fn is_recalled(holding: &Holding) -> bool {
    let cx = Context::from_waker(Waker::noop());
    holding.poll_recalled(&cx).is_ready()
}

fn take(budget: &Budget, of: u8, count: usize) -> Vec<Holding> {
    let taken = (0..count).map(|_| budget.take(peer(of), 1).unwrap());
    taken.collect()
}

fn recalled(holdings: &[Holding]) -> Vec<bool> {
    holdings.iter().map(is_recalled).collect()
}

#[test]
fn a_stranger_who_has_their_share_loses_the_oldest_to_themselves() {
    let (budget, _) = budget();
    let other = take(&budget, 1, 1);
    let greedy = take(&budget, 2, 5);
    assert_eq!(recalled(&greedy), [true, true, false, false, false]);
    assert_eq!(recalled(&other), [false]);
    assert_eq!(budget.held(), 4);
    assert_eq!(budget.0.recalled.get(), 2);
}

#[test]
fn the_oldest_stranger_makes_room_for_whoever_comes() {
    let (budget, trust) = budget();
    trust.add(peer(1));
    let trusted = take(&budget, 1, 2);
    let strangers: Vec<_> = (2..=5).flat_map(|of| take(&budget, of, 1)).collect();
    let newest = take(&budget, 6, 1);
    let next = take(&budget, 1, 1);
    assert_eq!(recalled(&strangers), [true, true, false, false]);
    assert_eq!(recalled(&trusted), [false, false]);
    assert_eq!(recalled(&newest), [false]);
    assert_eq!(recalled(&next), [false]);
}

#[test]
fn a_trusted_peer_has_no_share_and_gives_way_to_the_trusted_alone() {
    let (budget, trust) = budget();
    trust.add(peer(1));
    trust.add(peer(2));
    let all = take(&budget, 1, LIMITS.all_max);
    assert!(budget.take(peer(3), 1).is_none(), "a stranger");
    assert_eq!(recalled(&all), [false; LIMITS.all_max]);
    let _other = take(&budget, 2, 1);
    assert!(is_recalled(&all[0]) && !is_recalled(&all[1]));
}

#[test]
fn who_proves_themselves_later_is_trusted_with_what_they_had() {
    let (budget, trust) = budget();
    let proved = take(&budget, 1, 3);
    let strangers = take(&budget, 2, 3);
    trust.add(peer(1));
    let _newest = take(&budget, 3, 1);
    assert_eq!(recalled(&proved), [false; 3]);
    assert_eq!(recalled(&strangers), [true, false, false]);
}

#[test]
fn what_is_kept_is_not_recalled() {
    let (budget, _) = budget();
    let kept: Vec<_> = [1, 2]
        .into_iter()
        .flat_map(|of| take(&budget, of, 3))
        .collect();
    kept.iter().for_each(Holding::keep);
    assert!(budget.take(peer(1), 1).is_none(), "more than the share");
    assert!(budget.take(peer(3), 1).is_none(), "more than there is");
    assert_eq!(recalled(&kept), [false; 6]);
    drop(kept);
    assert_eq!(budget.held(), 0);
    assert_eq!(take(&budget, 1, 3).len(), 3);
}

#[test]
fn what_grows_recalls_others_and_never_itself() {
    let (budget, _) = budget();
    let oldest = budget.take(peer(1), 1).unwrap();
    let other = budget.take(peer(1), 1).unwrap();
    assert!(oldest.grow(2), "instead of the other");
    assert!(!is_recalled(&oldest) && is_recalled(&other));
    assert!(!other.grow(1), "it was recalled");
    assert!(!oldest.grow(1), "more than the share");
    assert!(!is_recalled(&oldest));
    assert_eq!(budget.ending(), 1);
    drop(other);
    assert_eq!((budget.held(), budget.ending()), (3, 0));
    drop(oldest);
    assert_eq!((budget.held(), budget.ending()), (0, 0));
}

#[test]
fn what_could_never_be_had_recalls_nothing() {
    let (budget, _) = budget();
    let held = take(&budget, 1, 2);
    assert!(budget.take(peer(1), LIMITS.peer_max + 1).is_none());
    assert!(budget.take(peer(2), LIMITS.all_max + 1).is_none());
    assert_eq!(recalled(&held), [false, false]);
}

#[test]
fn a_recall_wakes_the_holder() {
    let (budget, _) = budget();
    let holding = budget.take(peer(1), 3).unwrap();
    let mut waiting = task::spawn(std::future::poll_fn(|cx| holding.poll_recalled(cx)));
    assert_pending!(waiting.poll());
    let _next = budget.take(peer(1), 1);
    assert!(waiting.is_woken());
    assert_ready!(waiting.poll());
}

/// What one of four peers, of whom the first two are trusted, does.
#[derive(Clone, Debug)]
enum Step {
    Take(u8, usize),
    Grow(usize, usize),
    Keep(usize),
    Drop(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..4, 1usize..4).prop_map(|(of, amount)| Step::Take(of, amount)),
        2 => (0usize..8, 1usize..3).prop_map(|(at, amount)| Step::Grow(at, amount)),
        1 => (0usize..8).prop_map(Step::Keep),
        2 => (0usize..8).prop_map(Step::Drop),
    ]
}

proptest! {
    #[test]
    fn no_limit_is_passed_and_a_newcomer_fails_only_where_nothing_gives_way(
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let (budget, trust) = budget();
        trust.add(peer(0));
        trust.add(peer(1));
        let mut held: Vec<(u8, usize, bool, Holding)> = Vec::new();
        for step in steps {
            match step {
                Step::Take(of, amount) => {
                    let kept: usize = held.iter().filter(|(_, _, kept, _)| *kept).map(|(_, amount, ..)| amount).sum();
                    let taken = budget.take(peer(of), amount);
                    if of < 2 && kept + amount <= LIMITS.all_max {
                        prop_assert!(taken.is_some(), "a trusted peer");
                    }
                    held.extend(taken.map(|holding| (of, amount, false, holding)));
                }
                Step::Grow(at, more) if at < held.len() => {
                    let (_, amount, _, holding) = &mut held[at];
                    if holding.grow(more) {
                        *amount += more;
                    }
                }
                Step::Keep(at) if at < held.len() => {
                    held[at].3.keep();
                    held[at].2 = true;
                }
                Step::Drop(at) if at < held.len() => drop(held.swap_remove(at)),
                Step::Grow(..) | Step::Keep(_) | Step::Drop(_) => {}
            }
            for (_, _, kept, holding) in &held {
                prop_assert!(!(*kept && is_recalled(holding)));
            }
            held.retain(|(.., holding)| !is_recalled(holding));
            let sum = |of: Option<u8>| -> usize {
                let held = held.iter().filter(|(peer, ..)| of.is_none_or(|of| of == *peer));
                held.map(|(_, amount, ..)| amount).sum()
            };
            prop_assert_eq!(sum(None), budget.held());
            prop_assert!(sum(None) <= LIMITS.all_max);
            for stranger in 2..4 {
                prop_assert!(sum(Some(stranger)) <= LIMITS.peer_max);
            }
        }
    }
}
