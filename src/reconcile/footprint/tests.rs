//! The account, against one that is made anew of the evidence.

use std::sync::Arc;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    domain::{
        CloseReason, IncarnationId, LeaveReason, Logins, Profile, RoomId, SessionId, Time, UserId,
    },
    reconcile::{
        EventOutcome, Rules,
        room::{Incarnation, Room, Users},
        sessions::{SessionEvidence, Sessions},
        user::User,
    },
};

const BASE: u64 = 1_700_000_000_000;

/// What happens: to which life, by which user and session, when, what, and how long its texts are.
type Act = (u8, u8, u8, u64, u8, usize);

fn acts(lives: u8, users: u8, sessions: u8) -> impl Strategy<Value = Vec<Act>> {
    vec(
        (
            0..lives,
            0..users,
            0..sessions,
            0..100_u64,
            0..8_u8,
            0..60_usize,
        ),
        1..120,
    )
}

fn time(millis: u64) -> Time {
    Time::from_millis(BASE + millis).unwrap()
}

fn login((_, user, session, millis, _, length): Act) -> Login {
    Login {
        user: id(user, length),
        session: SessionId::from(&*format!("{session}")),
        at: Some(time(millis)),
        profile: Profile {
            nickname: "n".repeat(length).into(),
            platform: "p".repeat(length / 2).into(),
            custom_data: "c".repeat(length / 3).into(),
            ..Profile::default()
        },
        room_name: (length > 30).then(|| Arc::from("r".repeat(length))),
        seq: (length % 3 == 0).then_some(millis + 1),
    }
}

fn logout(act: Act) -> Logout {
    let (_, user, session, millis, kind, length) = act;
    Logout {
        user: id(user, length),
        session: SessionId::from(&*format!("{session}")),
        login_at: (kind % 2 == 0).then(|| time(millis / 2)),
        at: Some(time(millis)),
        reason: LeaveReason::Logout,
        seq: (length % 5 == 0).then_some(millis + 1),
    }
}

/// A user, whose id is long or short.
fn id(user: u8, _: usize) -> UserId {
    UserId::from(&*"u".repeat(usize::from(user) + 1))
}

/// An event of a room. A life without an id is unnamed.
fn event(act: Act, is_unnamed: bool) -> RoomEvent {
    let (life, user, _, millis, kind, length) = act;
    let at = Some(time(millis));
    let incarnation = match is_unnamed {
        true => String::new(),
        false => format!("life {life}"),
    };
    let kind = match kind {
        0..4 => RoomEventKind::Login(login(act)),
        4..6 => RoomEventKind::Logout(logout(act)),
        6 if length % 2 == 0 => RoomEventKind::Closed {
            at,
            reason: CloseReason::Normal,
        },
        6 => RoomEventKind::Counted { at, users: 3 },
        _ => RoomEventKind::Created {
            at,
            creator: Some(id(user, length)),
            name: Some(Arc::from("n".repeat(length))),
        },
    };
    RoomEvent {
        room: "room".into(),
        incarnation: IncarnationId::from(&*incarnation),
        kind,
    }
}

fn sessions_anew(sessions: &Sessions) -> Sessions {
    let mut anew = Sessions::default();
    let Some(user) = sessions.user().map(UserId::from) else {
        return anew;
    };
    for session in sessions.iter() {
        let evidence = SessionEvidence {
            id: session.id().into(),
            login: session.login.cloned(),
            login_known_at: session.login_known_at,
            ended: session.ended,
            evidence_at: session.evidence_at,
        };
        anew.restore(&user, evidence).unwrap();
    }
    anew
}

/// The room that the same evidence makes, without anything that was kept on the way.
fn room_anew(room: &Room, rules: &Rules) -> Room {
    let mut anew = Room::default();
    for (id, life) in room.incarnations() {
        let mut users = Users::default();
        for sessions in life.users().sorted_sessions() {
            users.restore(sessions_anew(sessions)).unwrap();
        }
        let life = Incarnation::restore(id, life.evidence().clone(), users).unwrap();
        anew.restore(id.clone(), life).unwrap();
    }
    anew.derive(rules);
    anew
}

/// Without what depends on how many there were before.
fn lasting(footprint: Footprint) -> Footprint {
    Footprint {
        indexed_sessions: 0,
        indexed_lives: 0,
        ..footprint
    }
}

fn rules(logins: Logins) -> Rules {
    Rules {
        logins,
        ..Rules::default()
    }
}

fn any_acts() -> impl Strategy<Value = Vec<Act>> {
    prop_oneof![
        acts(3, 4, 3),
        acts(1, 2, 50),
        acts(50, 2, 1),
        acts(2, 30, 1)
    ]
}

proptest! {
    #[test]
    fn the_account_of_a_room_is_that_of_its_evidence_and_ends_with_it(
        acts in any_acts(),
        is_unnamed in any::<bool>(),
    ) {
        let rules = rules(Logins::Exclusive);
        let (id, mut room) = (RoomId::from("room"), Room::default());
        for act in acts {
            let event = event(act, is_unnamed);
            let before = room.footprint(&id);
            room.apply(&event, time(100), &rules);
            room.take_former_users();
            let after = room.footprint(&id);
            prop_assert_eq!(lasting(after), lasting(room_anew(&room, &rules).footprint(&id)));
            let most = added_at_most(&Decoded::Room(vec![event.clone()]));
            prop_assert!(after.all_bytes() <= before.all_bytes() + most, "{:?}", event);
        }
        let lives: Vec<_> = room.incarnations().map(|(id, _)| id.clone()).collect();
        for incarnation in lives {
            let kind = RoomEventKind::Closed { at: Some(time(200)), reason: CloseReason::Normal };
            let close = RoomEvent { room: id.clone(), incarnation, kind };
            room.apply(&close, time(200), &rules);
        }
        while let Some(due_at) = room.due_at(&rules) {
            room.tick(due_at, &rules);
            prop_assert_eq!(
                lasting(room.footprint(&id)),
                lasting(room_anew(&room, &rules).footprint(&id))
            );
        }
        prop_assert_eq!(room.footprint(&id), Footprint::default());
    }

    #[test]
    fn the_end_of_what_is_known_makes_the_account_no_larger(acts in any_acts()) {
        let rules = rules(Logins::Exclusive);
        let (id, mut room) = (RoomId::from("room"), Room::default());
        for act in acts {
            let event = event(act, false);
            let knows = |room: &Room| match &event.kind {
                RoomEventKind::Closed { .. } => room.knows_life(&event.incarnation),
                RoomEventKind::Logout(logout) => {
                    let life = room.incarnations().find(|(id, _)| **id == event.incarnation);
                    let users = life.map(|(_, life)| life.users().sorted_sessions());
                    users.into_iter().flatten().any(|sessions| {
                        sessions.user() == Some(logout.user.borrowed())
                            && sessions.knows(&logout.session)
                    })
                }
                _ => false,
            };
            let (is_known, before) = (knows(&room), room.footprint(&id).bytes);
            room.apply(&event, time(100), &rules);
            prop_assert!(!is_known || room.footprint(&id).bytes <= before, "{:?}", event);
        }
    }

    #[test]
    fn the_account_of_a_user_is_that_of_the_evidence_and_ends_with_it(
        acts in prop_oneof![acts(1, 1, 3), acts(1, 1, 50)],
        logins in prop_oneof![Just(Logins::Exclusive), Just(Logins::Concurrent)],
    ) {
        let rules = rules(logins);
        let mut user = User::default();
        for act in acts {
            let event = match act.4 {
                0..5 => UserEvent::Login(login(act)),
                _ => UserEvent::Logout(logout(act)),
            };
            let before = user.footprint();
            user.apply(&event, time(100), &rules);
            let after = user.footprint();
            let anew = User::restore(sessions_anew(user.sessions()), user.dated_name().cloned());
            prop_assert_eq!(lasting(after), lasting(anew.footprint()));
            let most = added_at_most(&Decoded::User(vec![event.clone()]));
            prop_assert!(after.all_bytes() <= before.all_bytes() + most, "{:?}", event);
        }
        for session in 0..50 {
            let end = logout((0, 0, session, 200, 1, 1));
            user.apply(&UserEvent::Logout(end), time(200), &rules);
        }
        while let Some(due_at) = user.due_at(&rules) {
            user.tick(due_at, &rules);
        }
        prop_assert_eq!(user.footprint(), Footprint::default());
    }
}

#[test]
fn a_member_who_logs_in_again_leaves_no_earlier_login_behind() {
    let rules = rules(Logins::Exclusive);
    let mut room = Room::default();
    let mut enter = |user: u16, millis, length| {
        let login = Login {
            user: UserId::from(&*user.to_string()),
            ..login((0, 0, 0, millis, 0, length))
        };
        let event = RoomEvent {
            kind: RoomEventKind::Login(login),
            ..event((0, 0, 0, 0, 0, 0), false)
        };
        let EventOutcome::Applied(_) = room.apply(&event, time(100), &rules) else {
            unreachable!("it is in time");
        };
    };
    (0..300).for_each(|user| enter(user, 1, 50));
    (0..300).for_each(|user| enter(user, 2, 1));
    // A member is in the list and with the sessions, and its key shares it.
    for member in room.members().unwrap().iter() {
        assert!(member.shared_by() >= 3, "{member:?}");
    }
}
