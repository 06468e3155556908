use std::time::Duration;

use proptest::{collection::vec, prelude::*};

use crate::domain::{
    CloseReason, LeaveReason, Login, Logout, Profile, RoomEvent, RoomEventKind, Time,
};

use super::*;

const RULES: fn() -> Rules = Rules::default;

fn event(kind: RoomEventKind) -> RoomEvent {
    RoomEvent {
        room: "r".into(),
        incarnation: "1".into(),
        kind,
    }
}

fn login(user: usize, at: Time) -> RoomEvent {
    event(RoomEventKind::Login(Login {
        user: user.to_string().as_str().into(),
        session: "s".into(),
        at: Some(at),
        profile: Profile::default(),
        room_name: None,
        seq: None,
    }))
}

#[test]
fn the_users_of_a_closed_room_are_handed_on() {
    let at = Time::from_millis(1_700_000_000_000).unwrap();
    let close = event(RoomEventKind::Closed {
        at: Some(at),
        reason: CloseReason::Normal,
    });
    for users in [0, 3, 1024] {
        let mut room = Room::default();
        for user in 0..users {
            room.apply(&login(user, at), at, &RULES());
        }
        room.apply(&close, at, &RULES());
        let former = room.take_former_users();
        let handed_on: usize = former.iter().map(|users| users.user_count()).sum();
        assert_eq!(handed_on, users);
        assert_eq!(room.take_former_users().len(), 0, "taken once");
    }
}

#[test]
fn the_users_of_a_forgotten_life_are_handed_on() {
    let at = Time::from_millis(1_700_000_000_000).unwrap();
    let mut room = Room::default();
    for user in 0..2000 {
        room.apply(&login(user, at), at, &RULES());
    }
    let next = RoomEvent {
        incarnation: "2".into(),
        ..login(0, at.saturating_add(Duration::from_secs(1)))
    };
    room.apply(&next, at, &RULES());
    let handed_on = room.take_former_users();
    assert_eq!(handed_on.len(), 1, "when another life takes its place");
    assert_eq!(handed_on[0].user_count(), 2000);
    let later = at.saturating_add(Duration::from_secs(3600));
    room.tick(later, &RULES());
    assert_eq!(room.take_former_users().len(), 1, "with what came since");
}

#[test]
fn a_close_of_an_unnamed_life_keeps_the_users_who_logged_in_after_it() {
    let at = |n: u64| Time::from_millis(1_700_000_000_000 + n).unwrap();
    let unnamed = |event: RoomEvent| RoomEvent {
        incarnation: "".into(),
        ..event
    };
    let close = event(RoomEventKind::Closed {
        at: Some(at(1)),
        reason: CloseReason::Normal,
    });
    for (users, stay) in [(20, 0), (20, 5), (600, 0), (600, 300), (600, 600)] {
        let mut room = Room::default();
        for user in 0..users {
            let came_at = at(if user < stay { 2 } else { 0 });
            room.apply(&unnamed(login(user, came_at)), came_at, &RULES());
        }
        room.apply(&unnamed(close.clone()), at(3), &RULES());
        let handed_on = room.take_former_users();
        let handed_on: usize = handed_on.iter().map(|it| it.user_count()).sum();
        assert_eq!(handed_on, users - stay);
        assert_eq!(room.members().map(Members::len), Some(stay));
        assert_eq!(room.present("0", &RULES()).is_some(), stay > 0);
        assert_eq!(room.due_at(&RULES()).is_some(), stay == 0);
    }
}

/// Something that happens in one of many lives: the number of the life, what happens, to which
/// user, when, and when the user had logged in.
type Act = (u8, u8, u8, u64, u64);

fn acts() -> impl Strategy<Value = Act> {
    (0..24_u8, 0..10_u8, 0..3_u8, 0..900_u64, 0..900_u64)
}

fn base(millis: u64) -> Time {
    Time::from_millis(1_700_000_000_000 + millis).unwrap()
}

fn event_of((life, act, user, at, login_at): Act) -> RoomEvent {
    let at = base(at);
    let user = user.to_string().as_str().into();
    let kind = match act {
        0 => RoomEventKind::Created {
            at: Some(at),
            creator: None,
            name: None,
        },
        1..=2 => RoomEventKind::Closed {
            at: Some(at),
            reason: CloseReason::Normal,
        },
        3..=6 => {
            let login = login(0, at);
            match login.kind {
                RoomEventKind::Login(login) => RoomEventKind::Login(Login { user, ..login }),
                other => other,
            }
        }
        _ => RoomEventKind::Logout(Logout {
            user,
            session: "s".into(),
            login_at: Some(base(login_at)),
            at: Some(at),
            reason: LeaveReason::Logout,
            seq: None,
        }),
    };
    RoomEvent {
        incarnation: life.to_string().as_str().into(),
        ..event(kind)
    }
}

/// The lives that are left, and when each next has something to forget.
fn lives(room: &Room, rules: &Rules) -> (Vec<String>, Option<String>, Option<Time>) {
    let ids = room.incarnations().map(|(id, _)| id.as_str().to_owned());
    let current = room.incarnations.current_id();
    let current = current.map(|id| id.as_str().to_owned());
    (ids.collect(), current, room.due_at(rules))
}

fn former(room: &mut Room) -> Vec<String> {
    let former = room.take_former_users();
    let users = former.iter().flat_map(FormerUsers::users);
    users.map(|user| user.as_str().to_owned()).collect()
}

proptest! {
    #[test]
    fn an_index_of_lives_finds_what_a_search_finds(
        acts in vec((acts(), prop::option::weighted(0.1, 0..900_u64)), 1..100),
        without in prop::sample::select(vec![
            None,
            None,
            None,
            Some(Rule::LatestStartIsCurrent),
            Some(Rule::TiesGoToTheGreaterIncarnation),
            Some(Rule::ClockSkewIsForgiven),
            Some(Rule::LoginsProveTheRoom),
            Some(Rule::UnknownStartsStay),
            Some(Rule::TheCurrentLifeStays),
            Some(Rule::EarlierLivesGoToo),
        ]),
        is_empty: bool,
    ) {
        let rules = Rules { without, ..Rules::default() };
        let mut room = Room::default();
        for (mut act, tick) in acts {
            if is_empty {
                // Only creates and closes, so that no life is in use and their ends decide.
                act.1 %= 3;
            }
            let mut listed = room.clone();
            listed.incarnations.lives.list();
            match tick {
                Some(millis) => {
                    let now = base(millis).saturating_add(Duration::from_secs(660));
                    prop_assert_eq!(room.tick(now, &rules), listed.tick(now, &rules));
                }
                None => {
                    let event = event_of(act);
                    let (told, of_listed) = (
                        room.apply(&event, base(act.3), &rules),
                        listed.apply(&event, base(act.3), &rules),
                    );
                    prop_assert_eq!(told, of_listed);
                }
            }
            prop_assert_eq!(former(&mut room), former(&mut listed));
            listed.incarnations.lives.list();
            listed.incarnations.reselect(&rules);
            prop_assert_eq!(lives(&room, &rules), lives(&listed, &rules));
        }
    }
}
