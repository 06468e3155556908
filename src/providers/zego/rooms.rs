//! The callbacks of ZEGOCLOUD's rooms: `room_create`, `room_close`, `room_login` and
//! `room_logout` (docs.zegocloud.com, Server API, Callback).
//!
//! Numbers come as numbers in the first two and as strings in the others, and
//! older versions mixed both, so either is taken everywhere. Only fields without which an event would be
//! meaningless are required: the room, which of its lives, and the user. A time that is not known is `None`.

use std::borrow::Cow;

use crate::{
    domain::{
        CloseReason, Decoded, IncarnationId, LeaveReason, Login, Logout, Profile, Role, RoomEvent,
        RoomEventKind, SessionId, Time, UserId,
    },
    providers::{EventTime, FieldError, Fields},
};

/// Decodes a callback about a room.
pub(super) fn decode(_query: &str, fields: &Fields<'_>) -> Decoded {
    event(fields).unwrap_or_else(Decoded::undecodable)
}

/// When the event of a callback about a room happened.
pub(super) fn event_time(fields: &Fields<'_>) -> Option<EventTime> {
    let field = match &*fields.text("event").ok()? {
        "room_create" => "room_create_time",
        "room_close" => "room_close_time",
        "room_login" => "login_time",
        "room_logout" => "logout_time",
        _ => return None,
    };
    let at = time(fields, field).ok()??;
    Some(EventTime { field, at })
}

fn event(fields: &Fields<'_>) -> Result<Decoded, FieldError> {
    let event = fields.required_text("event")?;
    let kind = match &*event {
        // ZIM's rooms have an event of that name too, with other fields.
        "room_create" if is_of_zim(fields) => {
            return Ok(Decoded::Ignored {
                event: "room_create of ZIM".into(),
            });
        }
        "room_create" => created(fields)?,
        "room_close" => closed(fields)?,
        "room_login" => RoomEventKind::Login(login(fields)?),
        "room_logout" => RoomEventKind::Logout(logout(fields)?),
        _ => {
            return Ok(Decoded::Ignored {
                event: event.into(),
            });
        }
    };
    Ok(Decoded::Room(vec![RoomEvent {
        room: (&*fields.required_id("room_id")?).into(),
        incarnation: incarnation(fields)?,
        kind,
    }]))
}

fn is_of_zim(fields: &Fields<'_>) -> bool {
    let of_rtc = ["room_session_id", "room_seq", "room_create_time"];
    fields.has("operator_account") && !of_rtc.iter().any(|field| fields.has(field))
}

/// The id of a room's life has two names, one in each pair of events.
fn incarnation(fields: &Fields<'_>) -> Result<IncarnationId, FieldError> {
    let mut id = fields.id("room_session_id")?;
    if id.is_empty() {
        id = fields.required_id("room_seq")?;
    }
    Ok((&*id).into())
}

fn created(fields: &Fields<'_>) -> Result<RoomEventKind, FieldError> {
    Ok(RoomEventKind::Created {
        at: time(fields, "room_create_time")?,
        creator: fields.optional_id("id_name").map(|id| UserId::from(&*id)),
        name: None,
    })
}

fn closed(fields: &Fields<'_>) -> Result<RoomEventKind, FieldError> {
    let reason = match fields.optional_number("close_reason") {
        Some(0) => CloseReason::Normal,
        Some(1) => CloseReason::LastUserTimeout,
        Some(2) => CloseReason::LastUserDropped,
        Some(3) => CloseReason::LastUserKicked,
        _ => CloseReason::Unknown,
    };
    Ok(RoomEventKind::Closed {
        at: time(fields, "room_close_time")?,
        reason,
    })
}

fn login(fields: &Fields<'_>) -> Result<Login, FieldError> {
    let room_name = fields.shown("room_name");
    Ok(Login {
        user: user(fields)?,
        session: session(fields)?,
        at: time(fields, "login_time")?,
        profile: Profile {
            nickname: fields.shown("user_nickname").into(),
            role: role(fields),
            platform: platform(fields.shown("term_type")).into(),
            custom_data: fields.shown("callback_data").into(),
        },
        room_name: Some(&*room_name)
            .filter(|name| !name.is_empty())
            .map(Into::into),
        seq: seq(fields),
    })
}

fn logout(fields: &Fields<'_>) -> Result<Logout, FieldError> {
    let reason = match fields.optional_number("reason") {
        Some(0) => LeaveReason::Logout,
        Some(1 | 2) => LeaveReason::Timeout,
        Some(3) => LeaveReason::Kicked,
        Some(4) => LeaveReason::TokenExpired,
        _ => LeaveReason::Unknown,
    };
    Ok(Logout {
        user: user(fields)?,
        session: session(fields)?,
        login_at: time(fields, "login_time")?,
        at: time(fields, "logout_time")?,
        reason,
        seq: seq(fields),
    })
}

fn user(fields: &Fields<'_>) -> Result<UserId, FieldError> {
    Ok((&*fields.required_id("user_account")?).into())
}

fn session(fields: &Fields<'_>) -> Result<SessionId, FieldError> {
    Ok((&*fields.id("session_id")?).into())
}

/// Times are in milliseconds.
fn time(fields: &Fields<'_>, field: &'static str) -> Result<Option<Time>, FieldError> {
    Ok(fields.number(field)?.and_then(Time::from_millis))
}

/// Counts from 1; 0 is how some callbacks say that they are not counted.
fn seq(fields: &Fields<'_>) -> Option<u64> {
    let seq = fields.optional_number("user_update_seq");
    seq.filter(|seq| *seq != 0)
}

fn role(fields: &Fields<'_>) -> Role {
    match fields.optional_number("user_role") {
        Some(1) => Role::Host,
        Some(2) => Role::Audience,
        Some(4) => Role::Admin,
        _ => Role::Unspecified,
    }
}

/// The documentation's word for a terminal type, or what was sent if it has none.
fn platform(term_type: Cow<'_, str>) -> Cow<'_, str> {
    match term_type.trim() {
        "0" => "NONE".into(),
        "1" => "PC".into(),
        "2" => "IOS".into(),
        "3" => "ANDROID".into(),
        "4" => "MAC".into(),
        "5" => "LINUX".into(),
        "6" => "WEB".into(),
        "7" => "MINI_PROGRAM".into(),
        "32" => "UNKNOWN".into(),
        other => other.to_owned().into(),
    }
}
