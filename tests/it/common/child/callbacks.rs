//! Callbacks as the vendors send them, signed.

use std::time::{SystemTime, UNIX_EPOCH};

use rand::Rng as _;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

/// The app of ZEGO and ZIM, and that of Tencent.
pub(crate) const ZEGO_APP: &str = "demo";
pub(crate) const TENCENT_APP: &str = "demo-tencent";

/// The id and the secret of [`ZEGO_APP`].
const ACCOUNT: (u64, &str) = (1, "secret");

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) target: &'static str,
    pub(crate) body: String,
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

fn signed((app_id, secret): (u64, &str), mut body: Value) -> String {
    // Rounded up: a vendor whose clock seems behind would hold up what follows from its time.
    let (timestamp, nonce) = (
        now().div_ceil(1000).to_string(),
        rand::random::<u64>().to_string(),
    );
    let mut parts = [secret, &timestamp, &nonce];
    parts.sort_unstable();
    body["signature"] = const_hex::encode(Sha1::digest(parts.concat())).into();
    body["appid"] = app_id.to_string().into();
    body["timestamp"] = timestamp.into();
    body["nonce"] = nonce.into();
    body.to_string()
}

/// A login of a session, or its logout, if `logout_at` is some. `number` is its
/// place among all of the room.
pub(crate) fn zego(
    place: (&str, u64),
    session: (&str, &str),
    login_at: u64,
    logout_at: Option<u64>,
) -> Post {
    zego_of(ACCOUNT, place, session, login_at, logout_at)
}

/// The same of another account: its id and its secret.
pub(crate) fn zego_of(
    account: (u64, &str),
    (room, number): (&str, u64),
    (user, session): (&str, &str),
    login_at: u64,
    logout_at: Option<u64>,
) -> Post {
    let mut body = json!({
        "event": "room_login",
        "room_id": room,
        "room_seq": "1",
        "user_account": user,
        "user_nickname": user,
        "session_id": session,
        "login_time": login_at.to_string(),
        "user_role": "2",
        "user_update_seq": number.to_string(),
    });
    if let Some(at) = logout_at {
        body["event"] = "room_logout".into();
        body["logout_time"] = at.to_string().into();
        body["reason"] = "0".into();
    }
    Post {
        target: "/webhooks/zego",
        body: signed(account, body),
    }
}

impl Post {
    /// The same, longer by so many bytes, which cannot be compressed and which nobody reads.
    pub(crate) fn padded(self, bytes: usize) -> Self {
        let mut padding = vec![0; bytes / 2];
        rand::rng().fill_bytes(&mut padding);
        let padding = format!("{{\"padding\":\"{}\",", const_hex::encode(padding));
        Self {
            body: self.body.replacen('{', &padding, 1),
            ..self
        }
    }
}

/// A login or logout of a device. Its times are in whole seconds.
pub(crate) fn zim((user, session): (&str, &str), login_at: u64, logout_at: Option<u64>) -> Post {
    let mut body = json!({
        "event": "user_action",
        "user_id": user,
        "user_name": user,
        "os": "iOS",
        "session_id": session,
        "relogin": "0",
        "login_time": login_at / 1000,
        "action": 0,
    });
    if let Some(at) = logout_at {
        body["action"] = 1.into();
        body["logout_time"] = (at / 1000).into();
        body["logout_reason"] = "logout".into();
    }
    Post {
        target: "/webhooks/zim",
        body: signed(ACCOUNT, body),
    }
}

/// One who enters or leaves. Neither signed nor numbered.
pub(crate) fn tencent(room: &str, user: &str, at: u64, enters: bool) -> Post {
    let (command, kind) = match enters {
        true => ("Room.CallbackAfterMemberEnter", "Enter"),
        false => ("Room.CallbackAfterMemberLeave", "Leave"),
    };
    let body = json!({
        "CallbackCommand": command,
        "Operator_Account": user,
        "RoomId": room,
        "Type": kind,
        "MemberList_Account": [user],
        "EventTime": at,
    });
    Post {
        target: "/webhooks/tencent?SdkAppid=1400000000&contenttype=json",
        body: body.to_string(),
    }
}
