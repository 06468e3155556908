//! Tencent's room callbacks: `Room.CallbackAfterCreateRoom`, `…DestroyRoom`,
//! `…MemberEnter` and `…MemberLeave` (trtc.io/document/60720 and 60732 to 60735).
//!
//! A callback names its app in the URL and its time, in milliseconds, in the
//! body. There is no session, no life of a room and no number: its time is all
//! that orders it, so one without a time says nothing.
//!
//! Signing is up to the app (trtc.io/document/64412); what is signed is the time
//! in the URL and nothing else.

mod packet;
mod query;

use std::{borrow::Cow, sync::Arc};

use sha2::{Digest as _, Sha256};

use self::query::Query;
use super::{
    Account, Adapter, FieldError, Fields, Product, Proof, Refusal, Request, Signing, Terms, Value,
    Vendor,
    signature::{is_fresh, is_hex_of},
};
use crate::domain::{
    CloseReason, Decoded, IncarnationId, LeaveReason, Login, Logout, Profile, RoomEvent,
    RoomEventKind, RoomId, SessionId, Time, UserId,
};

/// How Tencent's room callbacks are taken.
pub static ROOM: Adapter = Adapter {
    product: Product::TencentRoom,
    path: "/webhooks/tencent",
    // They are in the URL.
    signature_fields: &[],
    verify,
    decode,
    render: packet::render,
};

const APP_ID: &str = "SdkAppid";
const COMMAND: &str = "CallbackCommand";
/// What the overview of the Live callbacks calls it (trtc.io/document/64412).
const COMMAND_ELSEWHERE: &str = "WebhookCommand";
const EVENT_TIME: &str = "EventTime";
const MEMBER: &str = "Member_Account";
const MEMBER_COUNT: &str = "MemberCount";
const MEMBERS: &str = "MemberList_Account";
const OPERATOR: &str = "Operator_Account";
const REQUEST_TIME: &str = "RequestTime";
const ROOM_ID: &str = "RoomId";
const ROOM_INFO: &str = "RoomInfo";
const SIGN: &str = "Sign";

/// The signature of a callback: lower-case hex of the SHA-256 of the token and
/// the time (trtc.io/document/64412). It covers nothing of the body.
pub fn sign(token: &str, request_time: &str) -> String {
    const_hex::encode(hash(token, request_time))
}

fn hash(token: &str, request_time: &str) -> [u8; 32] {
    let hash = Sha256::new_with_prefix(token).chain_update(request_time);
    hash.finalize().into()
}

/// Tencent has no nonce: two callbacks of one second are signed alike.
fn verify<'a>(request: &Request<'a>, terms: &Terms<'_>) -> Result<Proof<'a>, Refusal> {
    let query = &Query::read(request.query);
    let account = account(query, terms).ok_or(Refusal::UnknownApp { field: APP_ID })?;
    if let Signing::Secret(token) = &account.signing {
        check_signature(query, token, terms)?;
    }
    Ok(Proof {
        app: account.app.clone(),
        nonce: None,
    })
}

fn account<'a>(query: &Query<'_>, terms: &Terms<'a>) -> Option<&'a Account> {
    let app_id = query.get(APP_ID)?;
    // `parse` alone would take a sign, too.
    let is_number = app_id.bytes().all(|byte| byte.is_ascii_digit());
    let app_id = app_id.parse().ok().filter(|_| is_number)?;
    terms.apps.get(Vendor::Tencent, app_id)
}

fn check_signature(query: &Query<'_>, token: &str, terms: &Terms<'_>) -> Result<(), Refusal> {
    let given = |name| {
        let missing = || Refusal::SignatureMissing(FieldError::missing(name));
        query.get(name).ok_or_else(missing)
    };
    let (sign, request_time) = (given(SIGN)?, given(REQUEST_TIME)?);
    // With an empty token everybody could sign.
    if token.is_empty() || !is_hex_of(&hash(token, request_time), sign) {
        return Err(Refusal::SignatureWrong { field: SIGN });
    }
    if !is_fresh(request_time, terms.now, terms.freshness_window) {
        return Err(Refusal::SignatureStale {
            field: REQUEST_TIME,
        });
    }
    Ok(())
}

fn decode(request: &Request<'_>) -> Decoded {
    events(request).unwrap_or_else(Decoded::undecodable)
}

fn events(request: &Request<'_>) -> Result<Decoded, FieldError> {
    let fields = request.fields;
    let command = command(request)?;
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

/// The body is believed before the URL: pages of the documentation disagree on
/// what the URL calls it.
fn command<'a>(request: &Request<'a>) -> Result<Cow<'a, str>, FieldError> {
    let command = request.fields.text(COMMAND)?;
    if !command.is_empty() {
        return Ok(command);
    }
    let query = Query::read(request.query);
    let command = query
        .get(COMMAND)
        .or_else(|| query.get(COMMAND_ELSEWHERE))
        .ok_or(FieldError::missing(COMMAND))?;
    Ok(command.to_owned().into())
}

/// Here alone the room is inside of another object. The id at its usual place is
/// taken as well.
fn created<'a>(fields: &'a Fields<'_>) -> Result<(Cow<'a, str>, Vec<RoomEventKind>), FieldError> {
    let info = fields.object(ROOM_INFO)?.unwrap_or_default();
    let mut room = info.id(ROOM_ID)?.into_owned();
    if room.is_empty() {
        room = fields.required_id(ROOM_ID)?.into_owned();
    }
    let mut creator = info.id("Owner_Account")?;
    if creator.is_empty() {
        creator = fields.id(OPERATOR)?;
    }
    let name = info.shown("RoomName");
    let created = RoomEventKind::Created {
        at: Some(event_time(fields)?),
        creator: some_unless_empty(&creator).map(UserId::from),
        name: some_unless_empty(&name).map(Arc::from),
    };
    Ok((room.into(), vec![created]))
}

fn closed(fields: &Fields<'_>) -> Result<Vec<RoomEventKind>, FieldError> {
    Ok(vec![RoomEventKind::Closed {
        at: Some(event_time(fields)?),
        // The callback has no reason.
        reason: CloseReason::Unknown,
    }])
}

fn entered(fields: &Fields<'_>) -> Result<Vec<RoomEventKind>, FieldError> {
    let at = Some(event_time(fields)?);
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
    kinds.extend(counted(fields, at)?);
    Ok(kinds)
}

fn left(fields: &Fields<'_>) -> Result<Vec<RoomEventKind>, FieldError> {
    let at = Some(event_time(fields)?);
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
    kinds.extend(counted(fields, at)?);
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
fn counted(fields: &Fields<'_>, at: Option<Time>) -> Result<Option<RoomEventKind>, FieldError> {
    let Some(users) = fields.number(MEMBER_COUNT)? else {
        return Ok(None);
    };
    let too_large = |_| FieldError::new(MEMBER_COUNT, "is too large");
    let users = u32::try_from(users).map_err(too_large)?;
    Ok(Some(RoomEventKind::Counted { at, users }))
}

fn event_time(fields: &Fields<'_>) -> Result<Time, FieldError> {
    let millis = fields.number(EVENT_TIME)?;
    let millis = millis.ok_or(FieldError::missing(EVENT_TIME))?;
    Time::from_millis(millis).ok_or(FieldError::new(EVENT_TIME, "is zero, which is no time"))
}

fn some_unless_empty(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
