//! Cases that broke plausible but wrong rules, and the vendor's own example.

use headcount::{
    domain::{LeaveReason, RoomEvent},
    reconcile::{EventOutcome, Rules, room::RoomState},
};

use super::model::{
    events::{MIN, S, at, because, close, create, login, logout},
    replica::Replica,
};
use crate::common::dice::in_every_order;

use RoomState::{Closed, Open, Unknown};

/// Receives the events in every order, each when it happens or, if that is
/// earlier, when the one before was received; then looks at the result.
#[track_caller]
fn every_order(events: &[RoomEvent], mut look: impl FnMut(Replica)) {
    let mut events = events.to_vec();
    let mut orders = 0;
    in_every_order(&mut events, &mut |order| {
        let mut replica = Replica::default();
        for event in order {
            replica.receive_in_time(event);
        }
        orders += 1;
        look(replica);
    });
    assert_eq!(orders, (1..=events.len()).product::<usize>());
}

#[test]
fn the_vendors_example_ends_with_both_users_in_all_24_orders() {
    let c1 = login("1", "u1", "s1", 0);
    let c2 = logout("1", "u1", "s1", Some(0), 10 * S);
    let c3 = login("1", "u1", "s2", 20 * S);
    let c4 = login("1", "u2", "s3", 5 * S);
    let mut replica = Replica::default();
    for event in [&c1, &c4, &c2, &c3] {
        replica.receive_in_time(event);
    }
    let present = (Open, "1", vec![("u2", "s3"), ("u1", "s2")]);
    assert_eq!(replica.visible().who(), present);
    every_order(&[c1, c2, c3, c4], |replica| {
        assert_eq!(replica.visible().who(), present);
    });
}

#[test]
fn a1_of_two_lives_with_one_start_the_greater_id_is_current() {
    let events = [login("a", "u1", "s1", 5), login("b", "u2", "s2", 5)];
    every_order(&events, |replica| {
        assert_eq!(replica.visible().who(), (Open, "b", vec![("u2", "s2")]));
    });
}

#[test]
fn a2_session_ids_have_one_order() {
    let events = ["9", "10", "1a"].map(|session| login("a", "u1", session, 5));
    every_order(&events, |replica| {
        assert_eq!(replica.visible().who(), (Open, "a", vec![("u1", "1a")]));
    });
}

#[test]
fn t1_a_kick_leaves_the_login_that_replaced_the_kicked_one() {
    for kicked_at in 1000..=1040 {
        let kick = logout("a", "u1", "s", Some(0), kicked_at);
        let events = [
            login("a", "u1", "s", 0),
            login("a", "u1", "s", 1000),
            because(kick, LeaveReason::Kicked),
        ];
        every_order(&events, |replica| {
            let view = replica.visible();
            assert_eq!(view.who(), (Open, "a", vec![("u1", "s")]));
            assert_eq!(view.members[0].login_at(), Some(at(1000)));
        });
    }
}

#[test]
fn t2_a_logout_ends_its_login_also_by_a_clock_that_is_behind() {
    let events = [
        login("a", "u1", "s", 30),
        logout("a", "u1", "s", Some(30), -40),
    ];
    every_order(&events, |replica| {
        assert_eq!(replica.visible().who(), (Open, "a", vec![]));
    });
}

/// A short life, and a next one that began before it by another clock.
fn short_life_then_next() -> [RoomEvent; 4] {
    [
        login("a", "u1", "s1", 0),
        logout("a", "u1", "s1", Some(0), 20),
        close("a", 30),
        login("b", "u2", "s2", -40),
    ]
}

/// The same, with the close lost.
fn short_life_unclosed_then_next() -> [RoomEvent; 3] {
    let [login_a, logout_a, _, login_b] = short_life_then_next();
    [login_a, logout_a, login_b]
}

#[test]
fn t3_a_closed_life_gives_way_to_one_in_use_within_the_clock_skew() {
    every_order(&short_life_then_next(), |replica| {
        assert_eq!(replica.visible().who(), (Open, "b", vec![("u2", "s2")]));
    });
}

#[test]
fn t4_an_empty_life_gives_way_to_one_in_use_within_the_clock_skew() {
    every_order(&short_life_unclosed_then_next(), |replica| {
        assert_eq!(replica.visible().who(), (Open, "b", vec![("u2", "s2")]));
    });
}

#[test]
fn t5_the_current_life_is_not_forgotten_with_the_one_it_replaced() {
    let look = |mut replica: Replica| {
        for seconds in [600, 700, 5_000] {
            replica.advance_to_millis(seconds * S);
            assert_eq!(replica.visible().who(), (Open, "b", vec![("u2", "s2")]));
        }
    };
    every_order(&short_life_then_next(), look);
    every_order(&short_life_unclosed_then_next(), look);
}

#[test]
fn e1_an_older_session_never_rises_when_the_newer_is_forgotten() {
    let logins = [login("a", "u1", "901", 0), login("a", "u1", "902", S)];
    every_order(&logins, |mut replica| {
        replica.receive_in_time(&logout("a", "u1", "902", Some(S), 908 * S));
        for seconds in 908..4_000 {
            replica.advance_to_millis(seconds * S);
            assert_eq!(replica.visible().who().2, []);
        }
        assert!(replica.room.is_forgotten());
    });
}

#[test]
fn e1_nor_when_the_vendor_repeats_the_older_login() {
    let older = login("a", "u1", "901", 0);
    let events = [
        older.clone(),
        login("a", "u1", "902", S),
        logout("a", "u1", "902", Some(S), 300 * S),
    ];
    every_order(&events, |mut replica| {
        replica.receive(&older, at(400 * S));
        for seconds in 400..4_000 {
            replica.advance_to_millis(seconds * S);
            assert_eq!(replica.visible().who().2, []);
        }
        assert!(replica.room.is_forgotten());
    });
}

#[test]
fn e2_a_life_that_never_heard_of_its_end_is_forgotten_with_the_next() {
    let login_a = login("a", "u1", "s1", 0);
    let events = [
        login_a.clone(),
        login("b", "u2", "s2", 10 * S),
        logout("b", "u2", "s2", Some(10 * S), 20 * S),
        close("b", 20 * S),
    ];
    every_order(&events, |replica| {
        // The vendor may repeat itself, so that a is not yet due when b is.
        for repeated_at in [None, Some(70 * S)] {
            let mut replica = replica.clone();
            if let Some(repeated_at) = repeated_at {
                replica.receive(&login_a, at(repeated_at));
            }
            assert_eq!(replica.visible().who(), (Closed, "b", vec![]));
            for seconds in 80..2_000 {
                replica.advance_to_millis(seconds * S);
                assert_eq!(replica.visible().who().2, [], "at {seconds} s");
            }
            assert!(replica.room.is_forgotten());
        }
    });
}

#[test]
fn e3_a_repeated_create_opens_no_phantom_room() {
    let create = create("a", 0);
    every_order(&[create.clone(), close("a", S)], |mut replica| {
        let mut untick = replica.clone();
        assert_eq!(replica.receive(&create, at(700 * S)), EventOutcome::Stale);
        assert_eq!(replica.visible().who(), (Unknown, "", vec![]));
        assert!(replica.room.is_forgotten());
        // Nor where the room is not forgotten yet.
        let rules = Rules::default();
        let applied = untick.room.apply(&create, at(700 * S), &rules);
        assert_eq!(applied, EventOutcome::Stale);
        assert_eq!(untick.visible().who(), (Closed, "a", vec![]));
    });
}

#[test]
fn e4_what_is_too_late_does_not_depend_on_what_was_forgotten() {
    let ended = [
        login("a", "u1", "s", 0),
        logout("a", "u1", "s", Some(0), 5 * S),
    ];
    every_order(&ended, |mut replica| {
        let mut untick = replica.clone();
        let late = login("a", "u1", "s", 6 * S);
        assert_eq!(replica.receive(&late, at(666 * S)), EventOutcome::Stale);
        let rules = Rules::default();
        let applied = untick.room.apply(&late, at(666 * S), &rules);
        assert_eq!(applied, EventOutcome::Stale);
        assert_eq!(replica.visible(), untick.visible());
        assert_eq!(replica.visible().who(), (Open, "a", vec![]));
    });
}

#[test]
fn e5_a_logout_outlives_every_login_that_may_still_come() {
    let login = login("a", "u1", "s", 30 * S);
    let logout = logout("a", "u1", "s", Some(30 * S), 31 * S);
    for copied_at in 2..700 {
        let mut replica = Replica::default();
        replica.receive(&login, at(0));
        replica.receive(&logout, at(S));
        replica.receive(&login, at(copied_at * S));
        assert_eq!(replica.visible().who(), (Open, "a", vec![]));
    }
}

#[test]
fn e6_a_present_user_stays_however_quiet() {
    let events = [login("a", "u1", "s1", 0), login("a", "u2", "s2", 5)];
    every_order(&events, |mut replica| {
        for minutes in [10, 11, 35, 24 * 60] {
            replica.advance_to_millis(minutes * MIN);
            let present = vec![("u1", "s1"), ("u2", "s2")];
            assert_eq!(replica.visible().who(), (Open, "a", present));
        }
        assert_eq!(replica.room.due_at(&Rules::default()), None);
    });
}

#[test]
fn e7_a_life_of_unknown_start_is_not_forgotten_with_another() {
    let close_b = close("b", 600 * S);
    let logout_b = logout("b", "u2", "s2", None, 600 * S);
    let ends: [&[&RoomEvent]; 4] = [
        &[&close_b],
        &[&logout_b],
        &[&close_b, &logout_b],
        &[&logout_b, &close_b],
    ];
    for ends in ends {
        let mut replica = Replica::default();
        replica.receive_in_time(&login("a", "u1", "s1", 0));
        replica.receive_in_time(&close("a", 2 * S));
        for end in ends {
            replica.receive_in_time(end);
        }
        replica.advance_to_millis(663 * S);
        assert_eq!(replica.visible().who(), (Unknown, "", vec![]), "a is gone");
        replica.receive(&login("b", "u2", "s2", 595 * S), at(664 * S));
        let state = if ends.contains(&&close_b) {
            Closed
        } else {
            Open
        };
        assert_eq!(replica.visible().who(), (state, "b", vec![]));
    }
}

#[test]
fn l1_a_logout_tells_of_a_login_that_was_lost() {
    let events = [
        login("a", "u1", "s1", 0),
        logout("a", "u1", "s2", Some(10 * S), 20 * S),
    ];
    every_order(&events, |mut replica| {
        for seconds in [20, 60, 700, 3_000] {
            replica.advance_to_millis(seconds * S);
            assert_eq!(replica.visible().who().2, []);
        }
    });
}
