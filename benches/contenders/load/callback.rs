//! Signed callbacks of ZEGO, made by writing over the fields of a template: a
//! request costs a hash and seven short copies.

use std::time::{SystemTime, UNIX_EPOCH};

use headcount::providers::zego;

pub(crate) const SECRET: &str = "secret";
pub(crate) const APP: &str = "bench";
pub(crate) const PATH: &str = "/webhooks/zego";

/// The length of the body of a login, as vendors send it.
const BODY_BYTES: usize = 450;

/// The answer of every contender, as Headcount gives it. An undecodable callback is answered 200
/// as well, but would cost less, so the answer is checked.
pub(crate) const ACCEPTED: &[u8] = br#"{"outcome":"accepted"}"#;

/// What comes before the user's id in a body.
pub(crate) const USER_FIELD: &str = "\"user_account\":\"";

/// The length of every user's id: `u` and nine digits.
pub(crate) const USER_ID_BYTES: usize = 10;

// Stand for what is written over. All values have the same length every time.
const ROOM: &str = "RRRRRRRRRR";
const USER: &str = "UUUUUUUUUU";
const SESSION: &str = "SSSSSSSSSSSSSSSSSSS";
const NONCE: &str = "NNNNNNNNNNNNNNNNNNN";
const SIGNATURE: &str = "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX";
const NUMBER: &str = "QQQQQQQQQQ";
const AT: &str = "AAAAAAAAAAAAA";

/// What a callback says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Login,
    Logout,
    Close,
}

/// Makes the callbacks of one kind, one at a time.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    request: Vec<u8>,
    body_at: usize,
    timestamp: String,
    slots: Vec<(&'static str, usize)>,
}

/// What is different in every callback.
#[derive(Clone, Copy, Debug)]
pub(crate) struct What {
    pub(crate) room: usize,
    pub(crate) user: usize,
    /// The vendor's number of the callback in its room's life.
    pub(crate) number: usize,
    /// The nonce that makes its signature unique.
    pub(crate) serial: u64,
}

impl Template {
    /// A template whose callbacks are signed with the current time.
    pub(crate) fn new(kind: Kind) -> Self {
        let timestamp = (now_millis() / 1000).to_string();
        let body = body(kind, &timestamp);
        let head = format!(
            "POST {PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let request = format!("{head}{body}");
        let slots = [ROOM, USER, SESSION, NONCE, SIGNATURE, NUMBER, AT]
            .into_iter()
            .filter_map(|slot| Some((slot, request.find(slot)?)))
            .collect();
        Self {
            request: request.into_bytes(),
            body_at: head.len(),
            timestamp,
            slots,
        }
    }

    /// The request of a callback.
    pub(crate) fn request(&mut self, what: What) -> &[u8] {
        let nonce = format!("9{:018}", what.serial);
        let signature = zego::sign(SECRET, &self.timestamp, &nonce);
        let session = format!("1{:018}", what.user);
        let (room, user) = (room_id(what.room), user_id(what.user));
        let (number, at) = (format!("{:010}", what.number), now_millis().to_string());
        for (slot, place) in &self.slots {
            let value = match *slot {
                ROOM => &room,
                USER => &user,
                SESSION => &session,
                NONCE => &nonce,
                SIGNATURE => &signature,
                NUMBER => &number,
                _ => &at,
            };
            self.request[*place..*place + value.len()].copy_from_slice(value.as_bytes());
        }
        &self.request
    }

    /// The body alone.
    pub(crate) fn body(&mut self, what: What) -> &[u8] {
        let body_at = self.body_at;
        &self.request(what)[body_at..]
    }
}

pub(crate) fn room_id(room: usize) -> String {
    format!("r{room:09}")
}

pub(crate) fn user_id(user: usize) -> String {
    format!("u{user:09}")
}

/// The number in a user's id.
pub(crate) fn user_number(id: &[u8]) -> Option<usize> {
    let (b'u', digits) = id.split_first().map(|(first, rest)| (*first, rest))? else {
        return None;
    };
    digits.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + usize::from(digit - b'0'))
    })
}

pub(crate) fn now_millis() -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_millis()
}

/// How long a client's own data are in a login.
pub(crate) fn custom_data_bytes() -> usize {
    let body = body(Kind::Login, "1790000000");
    body.bytes().filter(|byte| *byte == b'x').count()
}

fn body(kind: Kind, timestamp: &str) -> String {
    let signed = format!(
        r#""appid":"1","timestamp":"{timestamp}","nonce":"{NONCE}","signature":"{SIGNATURE}","room_id":"{ROOM}""#
    );
    let user = format!(
        r#""room_seq":"7210000000000000001",{USER_FIELD}{USER}","user_nickname":"Player {USER}","session_id":"{SESSION}","user_role":"2","user_update_seq":"{NUMBER}""#
    )
    .replacen(&format!("Player {USER}"), "Player One", 1);
    match kind {
        Kind::Close => format!(
            r#"{{"event":"room_close",{signed},"room_session_id":"7210000000000000001","close_reason":0,"room_close_time":"{AT}"}}"#
        ),
        Kind::Logout => format!(
            r#"{{"event":"room_logout",{signed},{user},"logout_time":"{AT}","reason":"0"}}"#
        ),
        Kind::Login => {
            let rest = format!(
                r#"{{"event":"room_login",{signed},{user},"login_time":"{AT}","relogin":"0","term_type":"2","callback_data":""#
            );
            let custom = "x".repeat(BODY_BYTES - rest.len() - 2);
            format!(r#"{rest}{custom}"}}"#)
        }
    }
}
