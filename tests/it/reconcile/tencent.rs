//! Rooms whose lives have no ids, and users without session ids: the time alone
//! says what came first.

use headcount::{
    domain::{CloseReason, LeaveReason, RoomEvent, Time},
    reconcile::{
        EventOutcome,
        room::{RoomChange, RoomState},
    },
};
use proptest::{collection::vec, prelude::*};

use super::model::{
    events::at,
    only_life::{CallbackEvents, created, destroyed, entered, expected, histories, left},
    replica::{Replica, Visible, received_at_once},
};
use crate::common::{
    dice::{Dice, in_every_order},
    properties::cases,
};

use RoomState::{Closed, Open};

fn last_at(history: &[CallbackEvents]) -> Time {
    let times = history.iter().flatten().filter_map(|event| event.kind.at());
    times.max().unwrap_or(at(0))
}

/// As [`assert_every_order`], for callbacks of so many events that the watcher's copy is
/// compared only after each callback.
#[track_caller]
fn assert_every_order_together(history: &[CallbackEvents]) -> Visible {
    let (expected, now) = (expected(history), last_at(history));
    in_every_order(&mut history.to_vec(), &mut |order| {
        let mut replica = Replica::default();
        for callback in order {
            replica.receive_together(callback, now);
        }
        assert_eq!(replica.visible(), expected, "{order:#?}");
    });
    expected
}

/// Receives callbacks in the order given. The replica holds a watcher's copy
/// against the room at every step.
#[track_caller]
fn received<'a>(callbacks: impl IntoIterator<Item = &'a CallbackEvents>, now: Time) -> Visible {
    received_at_once(callbacks.into_iter().flatten(), now).visible()
}

#[track_caller]
fn assert_every_order(history: &[CallbackEvents]) -> Visible {
    let (expected, now) = (expected(history), last_at(history));
    in_every_order(&mut history.to_vec(), &mut |order| {
        assert_eq!(received(order, now), expected, "{order:#?}");
    });
    expected
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn every_order_of_a_small_history_gives_what_happened(
        history in histories(6, 1..50_i64),
    ) {
        assert_every_order(&history);
    }

    #[test]
    fn ties_are_decided_alike_in_every_order(history in histories(5, 0..2_i64)) {
        assert_every_order(&history);
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn shuffled_and_repeated_callbacks_of_a_long_history_give_what_happened(
        history in prop_oneof![histories(60, 1..2_000_i64), histories(60, 0..3_i64)],
        seed: u64,
    ) {
        let (expected, now) = (expected(&history), last_at(&history));
        let mut dice = Dice(seed);
        for _ in 0..4 {
            let again = (history.iter()).filter(|_| dice.below(3) == 0);
            let mut callbacks: Vec<_> = history.iter().chain(again.collect::<Vec<_>>()).collect();
            dice.shuffle(&mut callbacks);
            prop_assert_eq!(&received(callbacks, now), &expected);
        }
    }

    #[test]
    fn at_each_moment_of_a_true_order_the_room_is_what_happened_so_far(
        history in histories(40, 1..60_000_i64),
    ) {
        let mut replica = Replica::default();
        for (index, callback) in history.iter().enumerate() {
            for event in callback {
                replica.receive_in_time(event);
            }
            prop_assert_eq!(replica.visible(), expected(&history[..=index]));
        }
    }
}

#[test]
fn a_destroy_ends_every_login_at_or_before_it_and_spares_later_ones() {
    let history = [
        vec![entered("ann", 9)],
        vec![entered("bob", 10)],
        vec![entered("cid", 11)],
        vec![destroyed(10)],
    ];
    let view = assert_every_order(&history);
    assert_eq!(view.who(), (Open, "", vec![("cid", "")]));
}

#[test]
fn a_room_that_nobody_entered_after_its_destroy_is_closed() {
    let history = [
        vec![created("ann", 0)],
        vec![entered("ann", 1)],
        vec![destroyed(2)],
        vec![left("ann", 3)],
    ];
    let view = assert_every_order(&history);
    assert_eq!(view.who(), (Closed, "", vec![]));
    assert_eq!(
        view.summary.opened_at,
        Some(at(0)),
        "of the life that ended"
    );
    assert_eq!(view.summary.closed_at, Some(at(2)));
}

#[test]
fn an_enter_opens_the_room_again_without_what_the_destroyed_one_had() {
    let history = [
        vec![created("ann", 0)],
        vec![destroyed(1)],
        vec![entered("bob", 2)],
    ];
    let view = assert_every_order(&history);
    assert_eq!(view.who(), (Open, "", vec![("bob", "")]));
    let room = view.summary;
    assert_eq!((room.opened_at, room.closed_at), (None, None));
    assert_eq!((room.creator, room.name), (None, None));
}

#[test]
fn a_second_destroy_does_not_bring_back_what_the_first_ended() {
    let history = [
        vec![created("ann", 0)],
        vec![destroyed(1)],
        vec![entered("bob", 2)],
        vec![destroyed(3)],
    ];
    let room = assert_every_order(&history).summary;
    assert_eq!((room.opened_at, room.closed_at), (None, Some(at(3))));
    assert_eq!((room.creator, room.name), (None, None));
}

#[test]
fn a_create_opens_the_room_again_under_its_own_name() {
    let history = [
        vec![created("zed", 0)],
        vec![destroyed(1)],
        vec![created("ann", 2)],
    ];
    let room = assert_every_order(&history).summary;
    assert_eq!((room.state, room.opened_at), (Open, Some(at(2))));
    assert_eq!(room.name.as_deref(), Some("room of ann"));
}

/// The changes of a destroy that comes when these users have entered after it.
fn told_of_late_destroy(before: &[RoomEvent], after: &[RoomEvent]) -> Vec<RoomChange> {
    let mut replica = Replica::default();
    for event in [created("ann", 0)].iter().chain(before).chain(after) {
        replica.receive(event, at(6));
    }
    match replica.receive(&destroyed(3), at(7)) {
        EventOutcome::Applied(changes) => changes,
        EventOutcome::Stale => panic!("it is in time"),
    }
}

#[test]
fn a_late_destroy_after_which_as_many_stay_as_leave_is_told_as_closed_opened_and_joins() {
    let before = [entered("ann", 1), entered("dan", 2)];
    let changes = told_of_late_destroy(&before, &[entered("bob", 5), entered("cid", 6)]);
    let [
        RoomChange::RoomClosed { room, reason },
        RoomChange::RoomOpened(opened),
        RoomChange::UserJoined(bob),
        RoomChange::UserJoined(cid),
    ] = &changes[..]
    else {
        panic!("{changes:#?}");
    };
    assert_eq!(*reason, CloseReason::Normal);
    assert_eq!((room.closed_at, room.opened_at), (Some(at(3)), Some(at(0))));
    assert_eq!((opened.closed_at, opened.opened_at), (None, None));
    assert_eq!((bob.user().as_str(), cid.user().as_str()), ("bob", "cid"));
}

#[test]
fn a_late_destroy_after_which_most_stay_is_told_as_the_leaves_of_the_others() {
    let after = [entered("bob", 5), entered("cid", 6)];
    let changes = told_of_late_destroy(&[entered("ann", 1)], &after);
    let [
        RoomChange::RoomUpdated(room),
        RoomChange::UserLeft {
            member,
            reason: LeaveReason::RoomClosed,
            at: left_at,
        },
    ] = &changes[..]
    else {
        panic!("{changes:#?}");
    };
    assert_eq!((room.state, room.user_count), (Open, 2));
    assert_eq!((room.opened_at, &room.creator), (None, &None));
    assert_eq!((member.user().as_str(), *left_at), ("ann", Some(at(3))));
}

proptest! {
    #![proptest_config(cases(150))]

    /// The replica holds a watcher's copy against the room at every step.
    #[test]
    fn what_is_told_of_a_destroy_grows_with_those_who_leave_and_not_with_those_who_stay(
        acts in vec((0..40_usize, 0..60_i64, 0..6_u8), 1..120),
    ) {
        let mut replica = Replica::default();
        for (user, millis, act) in acts {
            let name = format!("user {user}");
            let (event, is_destroy) = match act {
                0 => (destroyed(millis), true),
                1 => (left(&name, millis), false),
                _ => (entered(&name, millis), false),
            };
            let before = replica.visible().members;
            let EventOutcome::Applied(changes) = replica.receive(&event, at(60)) else {
                panic!("it is in time");
            };
            let after = replica.visible().members;
            let leaving = before.iter().filter(|member| !after.contains(member)).count();
            prop_assert!(!is_destroy || changes.len() <= leaving + 2, "{changes:#?}");
        }
    }
}

#[test]
fn a_leave_before_its_enter_leaves_a_tombstone() {
    let mut replica = Replica::default();
    replica.receive(&left("ann", 5), at(5));
    replica.receive(&entered("ann", 4), at(6));
    assert_eq!(replica.visible().who(), (Open, "", vec![]));
    replica.receive(&entered("ann", 6), at(7));
    assert_eq!(replica.visible().who(), (Open, "", vec![("ann", "")]));
    // A destroy does not remove the tombstone of a leave that is later than it.
    replica.receive(&left("ann", 9), at(9));
    replica.receive(&destroyed(7), at(10));
    replica.receive(&entered("ann", 8), at(11));
    assert_eq!(replica.visible().who(), (Open, "", vec![]));
}

#[test]
fn a_thousand_members_enter_and_leave_in_one_callback_each() {
    let names: Vec<_> = (0..1_000).map(|n| format!("user {n}")).collect();
    let all = |says: fn(&str, i64) -> _, millis| -> CallbackEvents {
        names.iter().map(|name| says(name, millis)).collect()
    };
    let history = [all(entered, 1), vec![destroyed(2)], all(entered, 3)];
    let view = assert_every_order_together(&history);
    assert_eq!(view.summary.user_count, 1_000);
    assert_eq!(view.members[0].login_at(), Some(at(3)));
    let history = [all(entered, 1), all(left, 2)];
    assert_eq!(assert_every_order_together(&history).members, []);
}
