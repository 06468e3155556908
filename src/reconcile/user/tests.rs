use std::time::Duration;

use proptest::prelude::*;

use crate::domain::{Logins, Logout, Profile};

use super::*;

const BASE: u64 = 1_700_000_000;

fn at(seconds: u64) -> Time {
    Time::from_millis((BASE + seconds) * 1000).unwrap()
}

fn login(session: &str, seconds: u64) -> UserEvent {
    UserEvent::Login(Login {
        user: "u".into(),
        session: session.into(),
        at: Some(at(seconds)),
        profile: Profile {
            nickname: format!("as of {seconds}").into(),
            ..Profile::default()
        },
        room_name: None,
        seq: None,
    })
}

fn logout(session: &str, login: u64, seconds: u64) -> UserEvent {
    UserEvent::Logout(Logout {
        user: "u".into(),
        session: session.into(),
        login_at: Some(at(login)),
        at: Some(at(seconds)),
        reason: LeaveReason::Logout,
        seq: None,
    })
}

fn rules(logins: Logins) -> Rules {
    Rules {
        logins,
        ..Rules::default()
    }
}

fn online(user: &User, rules: &Rules) -> Vec<String> {
    let online = user.online(rules);
    online
        .iter()
        .map(|device| device.session().as_str().to_owned())
        .collect()
}

/// Applies events in every order, each twice, and returns the online devices.
#[track_caller]
fn in_every_order(events: &[UserEvent], rules: &Rules) -> Vec<String> {
    let mut answers = Vec::new();
    permute(&mut events.to_vec(), 0, &mut |order| {
        let mut user = User::default();
        for event in order.iter().chain(order) {
            user.apply(event, at(100), rules);
        }
        answers.push(online(&user, rules));
    });
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers.remove(0)
}

fn permute(events: &mut [UserEvent], from: usize, then: &mut impl FnMut(&[UserEvent])) {
    if from == events.len() {
        return then(events);
    }
    for i in from..events.len() {
        events.swap(from, i);
        permute(events, from + 1, then);
        events.swap(from, i);
    }
}

#[test]
fn a_user_is_online_while_any_device_is() {
    let rules = rules(Logins::Concurrent);
    let events = [login("a", 1), login("b", 2), logout("b", 2, 3)];
    assert_eq!(in_every_order(&events, &rules), ["a"]);
    let events = [
        login("a", 1),
        login("b", 2),
        logout("b", 2, 3),
        logout("a", 1, 4),
    ];
    assert!(in_every_order(&events, &rules).is_empty());
}

#[test]
fn a_login_replaces_the_one_before_where_only_one_may_be() {
    let rules = rules(Logins::Exclusive);
    let events = [login("a", 1), login("b", 2)];
    assert_eq!(in_every_order(&events, &rules), ["b"]);
    let events = [login("a", 1), login("b", 2), logout("b", 2, 3)];
    assert!(in_every_order(&events, &rules).is_empty());
}

#[test]
fn ties_of_one_second_are_decided_the_same_in_every_order() {
    let rules = rules(Logins::Exclusive);
    let events = [login("9", 5), login("10", 5), login("1a", 5)];
    assert_eq!(in_every_order(&events, &rules), ["1a"]);
    let concurrent = self::rules(Logins::Concurrent);
    let events = [login("a", 5), logout("a", 5, 5), login("b", 5)];
    assert_eq!(in_every_order(&events, &concurrent), ["b"]);
}

#[test]
fn a_replaced_device_is_told_before_the_one_that_replaces_it() {
    let rules = rules(Logins::Exclusive);
    let mut user = User::default();
    user.apply(&login("a", 1), at(1), &rules);
    let EventOutcome::Applied(changes) = user.apply(&login("b", 2), at(2), &rules) else {
        panic!("is not stale");
    };
    assert!(matches!(
        &*changes,
        [
            UserChange::Renamed(_),
            UserChange::DeviceOffline { reason: LeaveReason::Superseded, .. },
            UserChange::DeviceOnline(device),
        ] if device.session().as_str() == "b"
    ));
}

#[test]
fn a_device_that_is_online_is_never_forgotten_and_an_ended_one_is() {
    let rules = rules(Logins::Concurrent);
    let mut user = User::default();
    user.apply(&login("a", 1), at(1), &rules);
    user.apply(&login("b", 2), at(2), &rules);
    user.apply(&logout("b", 2, 3), at(3), &rules);
    let due_at = at(3).saturating_add(Duration::from_secs(660));
    assert_eq!(user.due_at(&rules), Some(due_at));
    assert!(user.tick(due_at, &rules).is_empty());
    assert_eq!(user.due_at(&rules), None);
    assert_eq!(online(&user, &rules), ["a"]);
    user.apply(&logout("a", 1, 4), at(5), &rules);
    user.tick(at(10_000), &rules);
    assert!(user.is_forgotten());
    assert_eq!(user.name(), None);
}

#[test]
fn rooms_are_entered_and_left_once() {
    let mut user = User::default();
    let room = RoomId::from("r");
    let entered = Membership::Entered(Some(at(1)));
    assert!(user.note_membership(&room, &entered).is_some());
    let stayed = Membership::Stayed(Some(at(1)));
    assert!(user.note_membership(&room, &stayed).is_none());
    let anew = Membership::Stayed(Some(at(2)));
    assert!(user.note_membership(&room, &anew).is_some());
    let left = Membership::Left(LeaveReason::RoomClosed, None);
    assert!(user.note_membership(&room, &left).is_some());
    assert!(user.note_membership(&room, &left).is_none());
    assert!(user.is_forgotten());
}

/// The changes between two lists of devices, by comparing each with each.
fn differences(before: &[Member], user: &User, rules: &Rules) -> Vec<UserChange> {
    user.device_changes(before, &user.online(rules))
}

proptest! {
    #[test]
    fn an_event_tells_what_differs_between_all_devices_before_and_after(
        events in prop::collection::vec((0..24_u64, 0..30_u64, prop::option::of(0..30_u64)), 1..80),
        logins in prop::sample::select(vec![Logins::Exclusive, Logins::Concurrent]),
        ticks in prop::collection::vec(any::<bool>(), 80),
    ) {
        let rules = rules(logins);
        let mut user = User::default();
        for ((session, seconds, logged_in), is_tick) in events.into_iter().zip(ticks) {
            let session = session.to_string();
            let event = match logged_in {
                Some(logged_in) => logout(&session, logged_in, seconds),
                None => login(&session, seconds),
            };
            let before = user.online(&rules);
            let EventOutcome::Applied(mut told) = user.apply(&event, at(seconds), &rules) else {
                panic!("is in time");
            };
            told.retain(|change| !matches!(change, UserChange::Renamed(_)));
            prop_assert_eq!(told, differences(&before, &user, &rules));
            if is_tick {
                let before = user.online(&rules);
                let told = user.tick(at(seconds + 680), &rules);
                prop_assert_eq!(told, differences(&before, &user, &rules));
            }
        }
    }
}
