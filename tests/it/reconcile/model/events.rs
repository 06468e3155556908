//! Short spellings of events. Times are milliseconds from [`BASE`].

use headcount::domain::{
    CloseReason, LeaveReason, Login, Logout, Profile, Role, RoomEvent, RoomEventKind, Time,
};

/// When the tests' stories begin.
pub(crate) const BASE: u64 = 1_700_000_000_000;

/// One second, in the unit of the stories.
pub(crate) const S: i64 = 1_000;

/// One minute.
pub(crate) const MIN: i64 = 60 * S;

#[track_caller]
pub(crate) fn at(millis: i64) -> Time {
    time(BASE.saturating_add_signed(millis))
}

/// By the clock's own zero.
#[track_caller]
pub(crate) fn time(millis: u64) -> Time {
    Time::from_millis(millis).expect("zero is no time")
}

pub(crate) fn event(incarnation: &str, kind: RoomEventKind) -> RoomEvent {
    RoomEvent {
        room: "room".into(),
        incarnation: incarnation.into(),
        kind,
    }
}

pub(crate) fn create(incarnation: &str, millis: i64) -> RoomEvent {
    let created = RoomEventKind::Created {
        at: Some(at(millis)),
        creator: Some("creator".into()),
        name: None,
    };
    event(incarnation, created)
}

pub(crate) fn close(incarnation: &str, millis: i64) -> RoomEvent {
    let closed = RoomEventKind::Closed {
        at: Some(at(millis)),
        reason: CloseReason::Normal,
    };
    event(incarnation, closed)
}

pub(crate) fn login(incarnation: &str, user: &str, session: &str, millis: i64) -> RoomEvent {
    let login = Login {
        user: user.into(),
        session: session.into(),
        at: Some(at(millis)),
        profile: Profile::default(),
        room_name: None,
        seq: None,
    };
    event(incarnation, RoomEventKind::Login(login))
}

/// A logout that names the time of its login, if one is given.
pub(crate) fn logout(
    incarnation: &str,
    user: &str,
    session: &str,
    login_millis: Option<i64>,
    millis: i64,
) -> RoomEvent {
    let logout = Logout {
        user: user.into(),
        session: session.into(),
        login_at: login_millis.map(at),
        at: Some(at(millis)),
        reason: LeaveReason::Logout,
        seq: None,
    };
    event(incarnation, RoomEventKind::Logout(logout))
}

/// The same logout, with this reason.
pub(crate) fn because(mut event: RoomEvent, reason: LeaveReason) -> RoomEvent {
    if let RoomEventKind::Logout(logout) = &mut event.kind {
        logout.reason = reason;
    }
    event
}

/// The same login, of a user of this role.
pub(crate) fn with_role(mut event: RoomEvent, role: Role) -> RoomEvent {
    if let RoomEventKind::Login(login) = &mut event.kind {
        login.profile.role = role;
    }
    event
}

/// The same login or logout, numbered by the vendor.
pub(crate) fn numbered(mut event: RoomEvent, number: u64) -> RoomEvent {
    match &mut event.kind {
        RoomEventKind::Login(login) => login.seq = Some(number),
        RoomEventKind::Logout(logout) => logout.seq = Some(number),
        _ => {}
    }
    event
}
