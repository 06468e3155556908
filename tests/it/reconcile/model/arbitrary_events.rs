//! Events that need not add up: any ids, any times, any numbers.

use headcount::domain::{
    CloseReason, LeaveReason, Login, Logout, Profile, Role, RoomEvent, RoomEventKind, Time,
};
use proptest::{option, prelude::*};

use super::events::{BASE, S};

/// Near each other, so that everything meets everything.
pub(crate) fn near_times() -> impl Strategy<Value = Option<Time>> + Clone {
    let millis = prop_oneof![
        1 => Just(0),
        6 => BASE..BASE + 4,
        6 => BASE..BASE + 1_200,
        2 => BASE - 300 * S as u64..BASE + 300 * S as u64,
    ];
    millis.prop_map(Time::from_millis)
}

/// The same, and what no clock says.
pub(crate) fn any_times() -> impl Strategy<Value = Option<Time>> + Clone {
    let extreme = prop_oneof![
        Just(u64::MAX),
        Just(u64::MAX - 1),
        Just(1),
        Just(1_000),
        any::<u64>(),
    ];
    prop_oneof![
        4 => near_times(),
        1 => extreme.prop_map(Time::from_millis),
        1 => (BASE..BASE + 4_000 * S as u64).prop_map(Time::from_millis),
    ]
}

fn sessions() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "0", "9", "10", "010", "1a"])
}

fn profiles() -> impl Strategy<Value = Profile> {
    let roles = prop::sample::select(vec![Role::Unspecified, Role::Host, Role::Admin]);
    (roles, prop::bool::ANY).prop_map(|(role, is_ann)| Profile {
        nickname: if is_ann { "Ann" } else { "Bob" }.into(),
        role,
        ..Profile::default()
    })
}

fn numbers() -> impl Strategy<Value = Option<u64>> {
    option::of(prop_oneof![
        9 => 0..12_u64,
        1 => Just(u64::MAX),
        1 => Just(u64::MAX - 1),
    ])
}

/// Events whose own times are of these, and of which logouts name these logins.
pub(crate) fn arbitrary_events(
    times: impl Strategy<Value = Option<Time>> + Clone + 'static,
) -> impl Strategy<Value = RoomEvent> {
    let users = prop::sample::select(vec!["", "u1", "u2"]);
    let names = option::of(prop::sample::select(vec!["", "lobby", "arena"]));
    let logins = (
        users.clone(),
        sessions(),
        times.clone(),
        profiles(),
        names,
        numbers(),
    );
    let logins = logins.prop_map(|(user, session, at, profile, room_name, seq)| {
        RoomEventKind::Login(Login {
            user: user.into(),
            session: session.into(),
            at,
            profile,
            room_name: room_name.map(Into::into),
            seq,
        })
    });
    let reasons = prop::sample::select(vec![
        LeaveReason::Logout,
        LeaveReason::Kicked,
        LeaveReason::Unknown,
    ]);
    let logouts = (
        users.clone(),
        sessions(),
        times.clone(),
        times.clone(),
        reasons,
        numbers(),
    );
    let logouts = logouts.prop_map(|(user, session, login_at, at, reason, seq)| {
        RoomEventKind::Logout(Logout {
            user: user.into(),
            session: session.into(),
            login_at,
            at,
            reason,
            seq,
        })
    });
    let created = (times.clone(), option::of(users)).prop_map(|(at, creator)| {
        let creator = creator.map(Into::into);
        RoomEventKind::Created {
            at,
            creator,
            name: None,
        }
    });
    let reasons = prop::sample::select(vec![CloseReason::Normal, CloseReason::Unknown]);
    let closed = (times, reasons).prop_map(|(at, reason)| RoomEventKind::Closed { at, reason });
    let kinds = prop_oneof![6 => logins, 5 => logouts, 2 => created, 1 => closed];
    let incarnations = prop::sample::select(vec!["", "9", "10", "b"]);
    (incarnations, kinds).prop_map(|(incarnation, kind)| RoomEvent {
        room: "room".into(),
        incarnation: incarnation.into(),
        kind,
    })
}
