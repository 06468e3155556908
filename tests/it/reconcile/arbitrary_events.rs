//! Properties of the reconciler for events that no room could have: they too
//! give one answer, and never a panic or a storm of ticks.

use std::collections::BTreeSet;

use headcount::{
    domain::{RoomEvent, Time, UserId},
    reconcile::{
        EventOutcome, Rules,
        room::{Room, RoomChange},
    },
};
use proptest::{collection::vec, prelude::*};

use super::model::{
    arbitrary_events::{any_times, arbitrary_events, near_times},
    events::{S, at, time},
    replica::{Replica, Visible},
};
use crate::common::{
    dice::{Dice, in_every_order},
    properties::cases,
};

fn received_at_once<'a>(events: impl IntoIterator<Item = &'a RoomEvent>) -> Visible {
    let mut replica = Replica::default();
    for event in events {
        replica.receive(event, at(0));
    }
    replica.visible()
}

/// Changes a room. If that ends a life of it, this asserts that all users who were present are
/// among the former users, from which watchers of these users are updated.
#[track_caller]
fn change(room: &mut Room, rules: &Rules, change: impl FnOnce(&mut Room) -> Vec<RoomChange>) {
    let members = room.members().cloned().unwrap_or_default();
    let is_close = |change: &RoomChange| matches!(change, RoomChange::RoomClosed { .. });
    let closes = change(room).iter().any(is_close);
    let former_users = room.take_former_users();
    let former: BTreeSet<UserId> = former_users
        .iter()
        .flat_map(|it| it.users().map(UserId::from))
        .collect();
    for member in members.iter().filter(|_| closes) {
        let user = member.user().as_str();
        let is_back = room.present(user, rules).is_some();
        assert!(former.contains(user) || is_back, "{user} of {former:?}");
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn every_order_of_a_few_arbitrary_events_gives_one_answer(
        mut events in vec(arbitrary_events(near_times()), 2..=5),
    ) {
        let answer = received_at_once(&events);
        in_every_order(&mut events, &mut |order| {
            assert_eq!(received_at_once(order), answer, "{order:#?}");
        });
    }
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn shuffles_and_repetitions_of_arbitrary_events_give_one_answer(
        mut events in vec(arbitrary_events(near_times()), 2..60),
        seed: u64,
    ) {
        let mut dice = Dice(seed);
        let answer = received_at_once(&events);
        events.extend_from_within(..events.len() / 2);
        for _ in 0..10 {
            dice.shuffle(&mut events);
            prop_assert_eq!(received_at_once(&events), answer.clone());
        }
    }

    /// The replica itself checks every change, and that after each tick nothing
    /// is due.
    #[test]
    fn nothing_panics_and_no_tick_brings_on_another(
        mut receipts in vec((arbitrary_events(any_times()), 0..4_000 * S), 1..60),
        is_in_order: bool,
    ) {
        if is_in_order {
            receipts.sort_by_key(|(_, received_at)| *received_at);
        }
        let mut replica = Replica::default();
        for (event, received_at) in &receipts {
            replica.receive(event, at(*received_at));
        }
        replica.advance_to_millis(10_000 * S);
        replica.advance_to(time(u64::MAX));
    }

    #[test]
    fn receipts_at_the_ends_of_time_do_not_panic(
        receipts in vec((arbitrary_events(any_times()), any_times()), 1..20),
    ) {
        let mut replica = Replica::default();
        for (event, received_at) in &receipts {
            let received_at = received_at.unwrap_or(at(0));
            replica.room.apply(event, received_at, &replica.rules);
            replica.room.tick(received_at, &replica.rules);
            let _ = replica.visible();
        }
    }

    #[test]
    fn everybody_present_in_a_life_that_ends_is_among_its_former_users(
        receipts in vec((arbitrary_events(near_times()), 0..2 * S), 1..60),
    ) {
        let (mut room, rules) = (Room::default(), Rules::default());
        let mut now = 0;
        for (event, later) in &receipts {
            now += later;
            let received_at: Time = at(now);
            change(&mut room, &rules, |room| match room.apply(event, received_at, &rules) {
                EventOutcome::Applied(changes) => changes,
                EventOutcome::Stale => Vec::new(),
            });
        }
        let end = at(now + 10_000 * S);
        while let Some(due_at) = room.due_at(&rules).filter(|due_at| *due_at <= end) {
            change(&mut room, &rules, |room| room.tick(due_at, &rules));
        }
    }
}
