//! Lives of a room that overlap by the vendor's clocks, carried on: which is
//! current stays so, and what is forgotten with the other is not missed.

use headcount::{
    domain::{RoomEventKind, Time},
    reconcile::{
        EventOutcome,
        room::{RoomChange, RoomState},
    },
};

use super::model::{
    events::{S, at, close, create, login, logout},
    replica::Replica,
};
use crate::common::dice::in_every_order;

use RoomState::{Closed, Open};

/// A short life a, and a next one b that began before it by another clock, in
/// every order; with or without the close of a.
fn short_life_then_next(mut look: impl FnMut(Replica)) {
    let mut events = [
        login("a", "u1", "s1", 0),
        logout("a", "u1", "s1", Some(0), 20),
        login("b", "u2", "s2", -40),
        close("a", 30),
    ];
    for told in [3, 4] {
        in_every_order(&mut events[..told], &mut |order| {
            let mut replica = Replica::default();
            for event in order {
                replica.receive_in_time(event);
            }
            look(replica);
        });
    }
}

#[test]
fn the_next_life_stays_current_while_nobody_is_in_it() {
    short_life_then_next(|mut replica| {
        replica.told.clear();
        replica.receive_in_time(&logout("b", "u2", "s2", Some(-40), 50 * S));
        assert_eq!(replica.visible().who(), (Open, "b", vec![]));
        replica.receive_in_time(&login("b", "u3", "s3", 60 * S));
        assert_eq!(replica.visible().who(), (Open, "b", vec![("u3", "s3")]));
        assert!(
            matches!(
                replica.told[..],
                [RoomChange::UserLeft { .. }, RoomChange::UserJoined(_)]
            ),
            "{:#?}",
            replica.told
        );
    });
}

#[test]
fn the_next_life_stays_current_when_it_closes() {
    short_life_then_next(|mut replica| {
        replica.receive_in_time(&close("b", 50 * S));
        assert_eq!(replica.visible().who(), (Closed, "b", vec![]));
    });
}

#[test]
fn the_next_life_keeps_its_evidence_when_the_short_one_is_forgotten() {
    let late = login("b", "u3", "s3", 640 * S);
    short_life_then_next(|mut replica| {
        replica.receive_in_time(&late);
        replica.receive_in_time(&logout("b", "u3", "s3", Some(640 * S), 650 * S));
        replica.receive_in_time(&logout("b", "u2", "s2", Some(-40), 650 * S));
        // The vendor repeats itself; a was due 40 s before.
        replica.receive(&late, at(700 * S));
        assert_eq!(replica.visible().who(), (Open, "b", vec![]));
    });
}

#[test]
fn a_quiet_life_keeps_its_start_when_another_takes_its_place() {
    let hour = 3_600 * S;
    let last_of_a = login("a", "u2", "s2", hour + 1);
    let first_of_b = create("b", hour);
    let present = (Open, "b", vec![("u3", "s3")]);
    for late in [0, 1, 5, 60, 300, 599] {
        let mut replica = Replica::default();
        replica.receive_in_time(&login("a", "u1", "s1", 0));
        replica.receive(&first_of_b, at(hour + 500));
        replica.receive(&login("b", "u3", "s3", hour + 400), at(hour + 600));
        replica.receive(&last_of_a, at(hour + 700 + late * S));
        assert_eq!(replica.visible().who(), present, "{late} s late");
        replica.advance_to_millis(2 * hour);
        assert_eq!(replica.visible().who(), present);
    }
}

#[test]
fn lives_of_one_start_are_forgotten_together() {
    let mut replica = Replica::default();
    for event in [
        login("9", "u1", "s1", 0),
        login("b", "u2", "s2", 0),
        logout("b", "u2", "s2", Some(0), 20),
        login("c", "u3", "s3", -40),
        logout("9", "u1", "s1", Some(0), 400 * S),
    ] {
        replica.receive_in_time(&event);
    }
    for seconds in 400..2_000 {
        replica.advance_to_millis(seconds * S);
        assert_eq!(replica.visible().who(), (Open, "c", vec![("u3", "s3")]));
    }
}

#[test]
fn an_end_that_is_far_ahead_is_believed_but_does_not_outlive_all_evidence() {
    let never = Time::from_millis(u64::MAX);
    let mut end = logout("a", "u1", "s1", Some(0), 0);
    if let RoomEventKind::Logout(logout) = &mut end.kind {
        (logout.at, logout.login_at) = (never, never);
    }
    let mut closed = close("a", 0);
    if let RoomEventKind::Closed { at, .. } = &mut closed.kind {
        *at = never;
    }
    for (end, visible) in [(end, (Open, "a", vec![])), (closed, (Closed, "a", vec![]))] {
        let mut replica = Replica::default();
        replica.receive(&login("a", "u1", "s1", 0), at(0));
        assert!(matches!(
            replica.receive(&end, at(S)),
            EventOutcome::Applied(_)
        ));
        assert_eq!(replica.visible().who(), visible);
        // A login of another session, after all that, is a new one.
        replica.receive(&login("b", "u1", "s2", 1_300 * S), at(1_300 * S));
        assert_eq!(replica.visible().who(), (Open, "b", vec![("u1", "s2")]));
        replica.advance_to_millis(4_000 * S);
        assert_eq!(replica.room.due_at(&replica.rules), None);
    }
}
