//! Properties of the reconciler: every order of a history gives what the oracle
//! saw in the true order, and what is forgotten is not missed.

use std::time::Duration;

use headcount::{
    domain::{RoomEvent, Time},
    reconcile::EventOutcome,
};
use proptest::prelude::*;

use super::model::{
    events::{BASE, MIN, S, at},
    history::{Pace, Step, histories},
    oracle::expected,
    replica::{Replica, Visible, received_at_once},
};
use crate::common::{
    dice::{Dice, in_every_order},
    properties::cases,
};

/// The longest that a vendor goes on repeating a callback.
const RETRIES_SPAN: i64 = 70 * S;
/// The latest that a callback may be, by clocks that differ this much.
const OUTAGE_SPAN: i64 = 10 * MIN - CLOCK_OFFSET_MAX;
/// How far a vendor's clock may be from that of the journal.
const CLOCK_OFFSET_MAX: i64 = 30 * S;

/// A few minutes at most: every order is within the horizon.
fn brisk(lives: usize, acts: usize, loses_logins: bool) -> Pace {
    let gap = prop_oneof![
        4 => Just(0_i64),
        4 => 1..50_i64,
        2 => 50..2_000_i64,
    ];
    Pace {
        gap: gap.boxed(),
        lives,
        acts,
        loses_logins,
    }
}

/// Hours, with moments in which much happens.
fn slow() -> Pace {
    let gap = prop_oneof![
        3 => Just(0_i64),
        4 => 1..2_000_i64,
        4 => 2 * S..80 * S,
        3 => 2 * MIN..40 * MIN,
        1 => 60 * MIN..300 * MIN,
    ];
    Pace {
        gap: gap.boxed(),
        lives: 4,
        acts: 25,
        loses_logins: false,
    }
}

fn told(history: &[Step]) -> impl Iterator<Item = &RoomEvent> {
    let told = history.iter().filter(|step| !step.is_lost);
    told.map(|step| &step.event)
}

fn last_event_at(history: &[Step]) -> Time {
    told(history)
        .filter_map(|event| event.kind.at())
        .max()
        .unwrap_or(at(0))
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn every_order_of_a_small_history_gives_what_the_oracle_saw(
        mut history in histories(&brisk(2, 5, false)),
        length in 2_usize..=6,
    ) {
        history.truncate(length);
        let expected = expected(&history);
        let now = last_event_at(&history);
        let mut events: Vec<_> = told(&history).collect();
        in_every_order(&mut events, &mut |order| {
            let replica = received_at_once(order.iter().copied(), now);
            assert_eq!(replica.visible(), expected, "{order:#?}");
        });
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn shuffles_and_repetitions_of_a_large_history_give_what_the_oracle_saw(
        history in histories(&brisk(4, 25, true)),
        seed: u64,
    ) {
        let mut dice = Dice(seed);
        let expected = expected(&history);
        let now = last_event_at(&history);
        for _ in 0..12 {
            let mut order: Vec<_> = told(&history).collect();
            for repeated in 0..order.len() {
                if dice.below(4) == 0 {
                    order.push(order[repeated]);
                }
            }
            dice.shuffle(&mut order);
            let replica = received_at_once(order, now);
            prop_assert_eq!(replica.visible(), expected.clone());
        }
    }
}

/// When it happened, from the base of all times.
fn millis_of(event: &RoomEvent) -> i64 {
    let event_at = event.kind.at().map_or(BASE, Time::as_millis);
    event_at as i64 - BASE as i64
}

/// What the journal holds of a history: each callback once or more often, each
/// time some seconds late, in the order of receipt.
fn journal(history: &[Step], span: i64, offset: i64, dice: &mut Dice) -> Vec<(RoomEvent, Time)> {
    let mut journal = Vec::new();
    for event in told(history) {
        loop {
            let late = match dice.below(3) {
                0 => 0,
                1 => dice.below(300) as i64,
                _ => dice.below(span as u64) as i64,
            };
            journal.push((event.clone(), at(millis_of(event) + offset + late)));
            if dice.below(4) != 0 {
                break;
            }
        }
    }
    dice.shuffle(&mut journal);
    journal.sort_by_key(|(_, received_at)| *received_at);
    journal
}

/// The prefixes of a history after which nothing happens for so long that all
/// of their callbacks have been delivered, with when that is the case.
fn quiet_points(history: &[Step], span: i64, offset: i64) -> Vec<(usize, Time)> {
    let event_at = |step: &Step| millis_of(&step.event);
    let settled = span + 2 * S;
    let mut points = Vec::new();
    let mut latest = 0;
    for (taken, step) in (1..).zip(history) {
        latest = event_at(step).max(latest);
        let next_at = history[taken..].iter().map(event_at).min();
        if next_at.is_none_or(|next_at| next_at > latest + settled) {
            points.push((taken, at(latest + settled + offset)));
        }
    }
    points
}

/// Delivers a history, and holds the room to the oracle whenever it is quiet.
fn deliver(history: &[Step], span: i64, offset: i64, seed: u64) {
    let journal = journal(history, span, offset, &mut Dice(seed));
    let mut replica = Replica::default();
    let mut left = journal.iter().peekable();
    for (taken, quiet_at) in quiet_points(history, span, offset) {
        while let Some((event, received_at)) = left.next_if(|(_, at)| *at < quiet_at) {
            assert_ne!(replica.receive(event, *received_at), EventOutcome::Stale);
        }
        replica.advance_to(quiet_at);
        assert_eq!(replica.visible(), expected(&history[..taken]), "at {taken}");
    }
    assert!(left.next().is_none());
    settle(replica, expected(history));
}

/// Who is present stays so, and costs nothing; what is over is forgotten.
fn settle(mut replica: Replica, expected: Visible) {
    let due_at = replica.room.due_at(&replica.rules).unwrap_or(at(0));
    let hours_later = due_at.saturating_add(Duration::from_secs(3 * 3_600));
    replica.advance_to(hours_later);
    assert_eq!(replica.room.due_at(&replica.rules), None);
    if expected.members.is_empty() {
        assert!(replica.room.is_forgotten());
        assert_eq!(replica.visible(), Visible::default());
    } else {
        assert_eq!(replica.visible(), expected);
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn what_is_forgotten_is_not_missed(
        history in histories(&slow()),
        offset in -CLOCK_OFFSET_MAX..CLOCK_OFFSET_MAX,
        seed: u64,
    ) {
        for delivery in 0..3 {
            deliver(&history, RETRIES_SPAN, offset, seed.wrapping_add(delivery));
            deliver(&history, OUTAGE_SPAN, offset, seed.wrapping_add(delivery));
        }
    }

    #[test]
    fn replicas_that_follow_one_journal_agree_at_every_step(
        history in histories(&slow()),
        seed: u64,
    ) {
        let [mut one, mut other] = [Replica::default(), Replica::default()];
        for (event, received_at) in journal(&history, RETRIES_SPAN, 0, &mut Dice(seed)) {
            prop_assert_eq!(
                one.receive(&event, received_at),
                other.receive(&event, received_at)
            );
            prop_assert_eq!(one.visible(), other.visible());
            prop_assert_eq!(&one.told, &other.told);
            one.told.clear();
            other.told.clear();
        }
        for hour in 0..40 {
            one.advance_to_millis(hour * 60 * MIN);
            other.advance_to_millis(hour * 60 * MIN);
            prop_assert_eq!(one.visible(), other.visible());
            prop_assert_eq!(&one.told, &other.told);
        }
    }
}
