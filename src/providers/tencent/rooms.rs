//! The callbacks of Tencent's rooms: `Room.CallbackAfterCreateRoom`, `…DestroyRoom`,
//! `…MemberEnter` and `…MemberLeave` (trtc.io/document/60720 and 60732 to 60735).
//!
//! A callback names its app in the URL and its time, in milliseconds, in the
//! body. There is no session, no life of a room and no number: its time is all
//! that orders it, so one without a time is undecodable.

use std::{borrow::Cow, sync::Arc};

use super::query::Query;
use crate::{
    domain::{
        CloseReason, Decoded, IncarnationId, LeaveReason, Login, Logout, Profile, RoomEvent,
        RoomEventKind, RoomId, SessionId, Time, UserId,
    },
    providers::{EventTime, FieldError, Fields, Value},
};

const COMMAND: &str = "CallbackCommand";
/// What the overview of the Live callbacks calls it (trtc.io/document/64412).
const COMMAND_ELSEWHERE: &str = "WebhookCommand";
const EVENT_TIME: &str = "EventTime";
const MEMBER: &str = "Member_Account";
const MEMBER_COUNT: &str = "MemberCount";
const MEMBERS: &str = "MemberList_Account";
const OPERATOR: &str = "Operator_Account";
const ROOM_ID: &str = "RoomId";
const ROOM_INFO: &str = "RoomInfo";

/// Decodes a callback about a room.
pub(super) fn decode(query: &str, fields: &Fields<'_>) -> Decoded {
    events(query, fields).unwrap_or_else(Decoded::undecodable)
}

/// When the event of a callback happened.
pub(super) fn event_time(fields: &Fields<'_>) -> Option<EventTime> {
    let at = required_time(fields).ok()?;
    Some(EventTime {
        field: EVENT_TIME,
        at,
    })
}

fn events(query: &str, fields: &Fields<'_>) -> Result<Decoded, FieldError> {
    let command = command(query, fields)?;
    let (room, kinds) = match &*command {
        "Room.CallbackAfterCreateRoom" => created(fields)?,
        "Room.CallbackAfterDestroyRoom" => (fields.required_id(ROOM_ID)?, closed(fields)?),
        "Room.CallbackAfterMemberEnter" => (fields.required_id(ROOM_ID)?, entered(fields)?),
        "Room.CallbackAfterMemberLeave" => (fields.required_id(ROOM_ID)?, left(fields)?),
        _ => {
            return Ok(Decoded::Ignored {
                event: command.into(),
            });
        }
    };
    let (room, incarnation) = (RoomId::from(&*room), IncarnationId::from(""));
    let event = |kind| RoomEvent {
        room: room.clone(),
        incarnation: incarnation.clone(),
        kind,
    };
    Ok(Decoded::Room(kinds.into_iter().map(event).collect()))
}

/// The name of the event. The body is read before the URL, because pages of the documentation disagree on
/// what the URL calls it.
fn command<'a>(query: &str, fields: &'a Fields<'_>) -> Result<Cow<'a, str>, FieldError> {
    let command = fields.text(COMMAND)?;
    if !command.is_empty() {
        return Ok(command);
    }
    let query = Query::read(query);
    let command = query
        .get(COMMAND)
        .or_else(|| query.get(COMMAND_ELSEWHERE))
        .ok_or(FieldError::missing(COMMAND))?;
    Ok(command.to_owned().into())
}

/// Only in this callback the room is inside of another object. The id at its usual place is
/// taken as well.
fn created<'a>(fields: &'a Fields<'_>) -> Result<(Cow<'a, str>, Vec<RoomEventKind>), FieldError> {
    let info = fields.object(ROOM_INFO)?.unwrap_or_default();
    let mut room = info.id(ROOM_ID)?.into_owned();
    if room.is_empty() {
        room = fields.required_id(ROOM_ID)?.into_owned();
    }
    let creator = info.optional_id("Owner_Account");
    let creator = creator.or_else(|| fields.optional_id(OPERATOR));
    let name = info.shown("RoomName");
    let created = RoomEventKind::Created {
        at: Some(required_time(fields)?),
        creator: creator.map(|id| UserId::from(&*id)),
        name: some_unless_empty(&name).map(Arc::from),
    };
    Ok((room.into(), vec![created]))
}

fn closed(fields: &Fields<'_>) -> Result<Vec<RoomEventKind>, FieldError> {
    Ok(vec![RoomEventKind::Closed {
        at: Some(required_time(fields)?),
        // The callback has no reason.
        reason: CloseReason::Unknown,
    }])
}

fn entered(fields: &Fields<'_>) -> Result<Vec<RoomEventKind>, FieldError> {
    let at = Some(required_time(fields)?);
    let session = SessionId::from("");
    let mut kinds = each_member(fields, |user| {
        RoomEventKind::Login(Login {
            user,
            session: session.clone(),
            at,
            profile: Profile::default(),
            room_name: None,
            seq: None,
        })
    })?;
    kinds.extend(counted(fields, at));
    Ok(kinds)
}

fn left(fields: &Fields<'_>) -> Result<Vec<RoomEventKind>, FieldError> {
    let at = Some(required_time(fields)?);
    let session = SessionId::from("");
    let reason = match &*fields.shown("Type") {
        "Leave" => LeaveReason::Logout,
        "Kicked" => LeaveReason::Kicked,
        // The heartbeat expired, not a token.
        "Expired" => LeaveReason::Timeout,
        _ => LeaveReason::Unknown,
    };
    let mut kinds = each_member(fields, |user| {
        RoomEventKind::Logout(Logout {
            user,
            session: session.clone(),
            login_at: None,
            at,
            reason,
            seq: None,
        })
    })?;
    kinds.extend(counted(fields, at));
    Ok(kinds)
}

/// What happened to each of the members: those who came or went, not those who
/// are in the room.
fn each_member(
    fields: &Fields<'_>,
    happened: impl Fn(UserId) -> RoomEventKind,
) -> Result<Vec<RoomEventKind>, FieldError> {
    let members = fields.list(MEMBERS)?.unwrap_or_default();
    if members.is_empty() {
        return Err(FieldError::missing(MEMBERS));
    }
    // One more, for the count.
    let mut kinds = Vec::with_capacity(members.len() + 1);
    for member in &members {
        kinds.push(happened(user(member)?));
    }
    Ok(kinds)
}

/// A text in these callbacks; their sister products send objects
/// (trtc.io/document/64424).
fn user(member: &Value<'_>) -> Result<UserId, FieldError> {
    if member.is_object() {
        let member = member.object(MEMBERS)?;
        return Ok((&*member.required_id(MEMBER)?).into());
    }
    let user = member.id(MEMBERS)?;
    let user = some_unless_empty(&user).ok_or(FieldError::new(MEMBERS, "has an empty user"))?;
    Ok(user.into())
}

/// How many are in the room. (The English page calls it the room's capacity; the
/// Chinese one, cloud.tencent.com/document/product/647/104477, does not.)
fn counted(fields: &Fields<'_>, at: Option<Time>) -> Option<RoomEventKind> {
    let users = fields.optional_number(MEMBER_COUNT)?;
    let users = u32::try_from(users).ok()?;
    Some(RoomEventKind::Counted { at, users })
}

fn required_time(fields: &Fields<'_>) -> Result<Time, FieldError> {
    let millis = fields.number(EVENT_TIME)?;
    let millis = millis.ok_or(FieldError::missing(EVENT_TIME))?;
    Time::from_millis(millis).ok_or(FieldError::new(EVENT_TIME, "is zero, which is not a time"))
}

fn some_unless_empty(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
