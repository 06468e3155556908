//! The callbacks of ZIM, ZEGOCLOUD's chat, about its users: `user_action`
//! (docs.zegocloud.com, ZIM, Server APIs, Callbacks, Login and logout).
//!
//! A user is online while any of their sessions is, so a logout ends only its own session. The
//! times are in seconds.

use super::verify::TIMESTAMP;
use crate::{
    domain::{Decoded, LeaveReason, Login, Logout, Profile, SessionId, Time, UserEvent, UserId},
    providers::{EventTime, FieldError, Fields},
};

const ACTION: &str = "action";
const LOGIN_TIME: &str = "login_time";
const LOGOUT_TIME: &str = "logout_time";
const OFFLINE_TIME: &str = "offline_time";

/// Decodes a callback about a user.
pub(super) fn decode(_query: &str, fields: &Fields<'_>) -> Decoded {
    event(fields).unwrap_or_else(Decoded::undecodable)
}

/// When the event of a callback about a user happened.
pub(super) fn event_time(fields: &Fields<'_>) -> Option<EventTime> {
    let names = match fields.number(ACTION).ok()?? {
        0 => [LOGIN_TIME, TIMESTAMP, TIMESTAMP],
        1 => [LOGOUT_TIME, OFFLINE_TIME, TIMESTAMP],
        2 => [OFFLINE_TIME, LOGOUT_TIME, TIMESTAMP],
        _ => return None,
    };
    names.into_iter().find_map(|field| {
        let at = time(fields, field).ok()??;
        Some(EventTime { field, at })
    })
}

fn event(fields: &Fields<'_>) -> Result<Decoded, FieldError> {
    let event = fields.required_text("event")?;
    if event != "user_action" {
        return Ok(Decoded::Ignored {
            event: event.into(),
        });
    }
    let event = match fields.number(ACTION)? {
        Some(0) => UserEvent::Login(login(fields)?),
        Some(1) => {
            let at = first_time(fields, [LOGOUT_TIME, OFFLINE_TIME, TIMESTAMP])?;
            UserEvent::Logout(logout(fields, at, LeaveReason::Logout)?)
        }
        Some(2) => {
            let at = first_time(fields, [OFFLINE_TIME, LOGOUT_TIME, TIMESTAMP])?;
            UserEvent::Logout(logout(fields, at, LeaveReason::Timeout)?)
        }
        Some(_) => return Err(FieldError::new(ACTION, "is unknown")),
        None => return Err(FieldError::missing(ACTION)),
    };
    Ok(Decoded::User(vec![event]))
}

fn login(fields: &Fields<'_>) -> Result<Login, FieldError> {
    Ok(Login {
        user: user(fields)?,
        session: session(fields)?,
        at: login_at(fields)?,
        profile: Profile {
            nickname: fields.shown("user_name").into(),
            // The documentation's sample has a space after it.
            platform: fields.shown("os").trim().into(),
            ..Profile::default()
        },
        room_name: None,
        seq: None,
    })
}

/// The time of a login. When a user logs in again after they were offline, `login_time` may be
/// that of the first login, which the offline time has ended.
fn login_at(fields: &Fields<'_>) -> Result<Option<Time>, FieldError> {
    let at = first_time(fields, [LOGIN_TIME, TIMESTAMP])?;
    let is_again = fields.optional_number("relogin") == Some(1);
    Ok(if is_again {
        at.max(time(fields, TIMESTAMP)?)
    } else {
        at
    })
}

fn logout(
    fields: &Fields<'_>,
    at: Option<Time>,
    reason: LeaveReason,
) -> Result<Logout, FieldError> {
    Ok(Logout {
        user: user(fields)?,
        session: session(fields)?,
        login_at: time(fields, LOGIN_TIME)?,
        at,
        reason,
        seq: None,
    })
}

fn user(fields: &Fields<'_>) -> Result<UserId, FieldError> {
    Ok((&*fields.required_id("user_id")?).into())
}

fn session(fields: &Fields<'_>) -> Result<SessionId, FieldError> {
    Ok((&*fields.id("session_id")?).into())
}

/// The first of these times that is there. Which of them comes with which action
/// is not documented; that of the callback itself always does.
fn first_time<const N: usize>(
    fields: &Fields<'_>,
    names: [&'static str; N],
) -> Result<Option<Time>, FieldError> {
    for name in names {
        if let Some(at) = time(fields, name)? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// Times are in seconds.
fn time(fields: &Fields<'_>, field: &'static str) -> Result<Option<Time>, FieldError> {
    let seconds = fields.number(field)?;
    Ok(seconds.and_then(|seconds| Time::from_millis(seconds.saturating_mul(1000))))
}
