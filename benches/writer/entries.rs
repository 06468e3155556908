//! Entries as the webhook front hands them to the journal.

use std::sync::Arc;

use headcount::{
    domain::{
        CloseReason, Decoded, LeaveReason, Login, Logout, ProductName, Profile, RoomEvent,
        RoomEventKind, Time, UserEvent, UserId,
    },
    journal::{Callback, Entry, Payload},
};

pub(crate) const APP: &str = "arena";

/// When the entries begin, in milliseconds.
const BASE: u64 = 1_700_000_000_000;

/// When all entries are received: so late that none is stale, and none is due.
const RECEIVED: u64 = BASE + 300_000;

fn time(millis: usize) -> Time {
    Time::from_millis(BASE + millis as u64).unwrap_or(Time::MIN)
}

pub(crate) fn user_id(user: usize) -> UserId {
    format!("user-{user:06}").as_str().into()
}

pub(crate) fn login(user: usize, session: usize, millis: usize) -> Login {
    Login {
        user: user_id(user),
        session: session_id(session).as_str().into(),
        at: Some(time(millis)),
        profile: Profile::default(),
        room_name: None,
        seq: None,
    }
}

/// The end of a login of the same time.
pub(crate) fn logout(user: usize, session: usize, millis: usize) -> Logout {
    Logout {
        user: user_id(user),
        session: session_id(session).as_str().into(),
        login_at: Some(time(millis)),
        at: Some(time(millis + 1)),
        reason: LeaveReason::Logout,
        seq: None,
    }
}

/// The number 0 is no session.
fn session_id(session: usize) -> String {
    match session {
        0 => String::new(),
        session => (7_210_000_000_000_000_000 + session).to_string(),
    }
}

pub(crate) fn close(millis: usize) -> RoomEventKind {
    RoomEventKind::Closed {
        at: Some(time(millis)),
        reason: CloseReason::Normal,
    }
}

/// The life 0 is unnamed.
pub(crate) fn event(room: usize, life: usize, kind: RoomEventKind) -> RoomEvent {
    RoomEvent {
        room: format!("room-{room:06}").as_str().into(),
        incarnation: session_id(life).as_str().into(),
        kind,
    }
}

pub(crate) fn of_room(events: impl IntoIterator<Item = RoomEvent>) -> Entry {
    entry(Decoded::Room(events.into_iter().collect()))
}

pub(crate) fn of_user(event: UserEvent) -> Entry {
    entry(Decoded::User(vec![event]))
}

fn entry(decoded: Decoded) -> Entry {
    Entry {
        received_at: Time::from_millis(RECEIVED).unwrap_or(Time::MIN),
        payload: Payload::Callback(Callback {
            app: APP.into(),
            product: ProductName::new("bench"),
            query: "".into(),
            body: Default::default(),
            decoded: Arc::new(decoded),
        }),
    }
}
