use crate::domain::{CloseReason, Login, Profile, RoomEvent, RoomEventKind, Time};

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
        ..login(0, at.saturating_add(std::time::Duration::from_secs(1)))
    };
    room.apply(&next, at, &RULES());
    let handed_on = room.take_former_users();
    assert_eq!(handed_on.len(), 1, "when another life takes its place");
    assert_eq!(handed_on[0].user_count(), 2000);
    let later = at.saturating_add(std::time::Duration::from_secs(3600));
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
