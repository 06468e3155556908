use crate::event::{CloseReason, Login, Profile, RoomEvent, RoomEventKind, Time};

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
        let remains = room.take_remains();
        let handed_on: usize = remains.iter().map(|remains| remains.users().len()).sum();
        assert_eq!(handed_on, users);
        assert_eq!(room.take_remains().len(), 0, "taken once");
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
    let handed_on = room.take_remains();
    assert_eq!(handed_on.len(), 1, "when another life takes its place");
    assert_eq!(handed_on[0].users().len(), 2000);
    let later = at.saturating_add(std::time::Duration::from_secs(3600));
    room.tick(later, &RULES());
    assert_eq!(room.take_remains().len(), 1, "with what came since");
}
