//! Callbacks as the vendors send them: their fields, their types, their spellings
//! and their signatures (docs.zegocloud.com, "Callback" and "Verify the
//! signature"; for Tencent's see [`tencent`]).

mod tencent;

use rand::RngExt as _;
use rand_pcg::Pcg64;
use serde_json::{Map, Value};
use sha1::{Digest as _, Sha1};

use crate::simulate::{
    truth::{TrueProfile, TrueRole},
    world::term_type,
};

pub(crate) use self::tencent::Report;

/// One callback that the vendor has to deliver. Times are milliseconds since
/// the Unix epoch, by whichever of the vendor's clocks stamped them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Callback {
    /// The room's place in the world.
    pub(crate) room: usize,
    /// Which life of the room.
    pub(crate) life: u64,
    pub(crate) what: What,
    /// When it truly happened, which the stamps may be slightly off from.
    pub(crate) happened_at: u64,
    pub(crate) sending: Sending,
    pub(crate) spelling: Spelling,
}

/// What a callback reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Create {
        at: u64,
        creator_id: String,
    },
    Close {
        at: u64,
        reason: u32,
    },
    Login {
        user_id: String,
        session_id: String,
        at: u64,
        /// Empty in older callbacks.
        room_name: String,
        profile: TrueProfile,
        relogin: bool,
        number: Option<u64>,
    },
    Logout {
        user_id: String,
        session_id: String,
        /// Older callbacks do not name the login that ended.
        login_at: Option<u64>,
        at: u64,
        reason: u32,
        number: Option<u64>,
    },
    /// Tencent's are unlike the others, which are ZEGOCLOUD's.
    Tencent(Report),
}

impl What {
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            What::Create { .. } | What::Close { .. } | What::Tencent(_) => None,
            What::Login { number, .. } | What::Logout { number, .. } => *number,
        }
    }
}

/// When a callback is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// Soon after it happened; late, repeated or lost as chance has it.
    Disordered,
    /// At exactly these times.
    At(Vec<u64>),
    /// Never: the story is about its loss.
    Never,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// As documented today.
    #[default]
    Json,
    /// JSON, percent-encoded as a whole.
    PercentEncoded,
    /// A form, which ZEGO's support can switch on.
    Form,
    /// JSON of 2022: numbers where there are strings today.
    Legacy,
}

impl Spelling {
    pub(crate) fn any(rng: &mut Pcg64) -> Self {
        match rng.random_range(0..100) {
            0..8 => Self::PercentEncoded,
            8..16 => Self::Form,
            _ => Self::Json,
        }
    }
}

/// Whose callbacks these are.
#[derive(Clone, Debug)]
pub(crate) struct Vendor {
    pub(crate) app_id: u64,
    pub(crate) secret: String,
    /// What Tencent calls the app of its rooms.
    pub(crate) sdk_app_id: u64,
}

/// What a callback is signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signing {
    /// Seconds since the Unix epoch.
    pub(crate) timestamp: u64,
    pub(crate) nonce: u64,
}

impl Vendor {
    /// Where a callback is sent to: a path, and a query.
    pub(crate) fn target(&self, callback: &Callback) -> (&'static str, String) {
        match &callback.what {
            What::Tencent(report) => {
                let (id, command) = (self.sdk_app_id, report.command());
                let query = format!("SdkAppid={id}&CallbackCommand={command}&contenttype=json");
                ("/webhooks/tencent", query)
            }
            _ => ("/webhooks/zego", String::new()),
        }
    }

    /// The body of a callback, signed, and its content type.
    pub(crate) fn body(
        &self,
        callback: &Callback,
        room_id: &str,
        signing: Signing,
    ) -> (String, &'static str) {
        if let What::Tencent(report) = &callback.what {
            return (report.body(room_id), JSON);
        }
        let mut fields = Fields {
            spelling: callback.spelling,
            ..Fields::default()
        };
        self.common(&mut fields, &callback.what, signing);
        fields.text("room_id", room_id);
        business(&mut fields, callback);
        fields.write()
    }

    /// The lifecycle pair has numbers where the user pair has strings.
    fn common(&self, fields: &mut Fields, what: &What, signing: Signing) {
        let (event, as_numbers) = match what {
            What::Create { .. } => ("room_create", true),
            What::Close { .. } => ("room_close", true),
            What::Login { .. } => ("room_login", false),
            What::Logout { .. } => ("room_logout", false),
            What::Tencent(_) => return,
        };
        fields.text("event", event);
        if as_numbers {
            fields.number("appid", self.app_id);
            fields.number("timestamp", signing.timestamp);
        } else {
            fields.text("appid", &self.app_id.to_string());
            fields.digits("timestamp", signing.timestamp);
        }
        let (timestamp, nonce) = (signing.timestamp.to_string(), signing.nonce.to_string());
        fields.text("nonce", &nonce);
        fields.text("signature", &signature(&self.secret, &timestamp, &nonce));
    }
}

const JSON: &str = "application/json";

/// SHA-1 of the three texts in byte order, in hex.
pub(crate) fn signature(secret: &str, timestamp: &str, nonce: &str) -> String {
    let mut parts = [secret, timestamp, nonce];
    parts.sort_unstable();
    const_hex::encode(Sha1::digest(parts.concat()))
}

fn business(fields: &mut Fields, callback: &Callback) {
    match &callback.what {
        What::Create { at, creator_id } => {
            fields.number("room_session_id", callback.life);
            fields.text("room_create_time", &at.to_string());
            fields.text("id_name", creator_id);
        }
        What::Close { at, reason } => {
            fields.number("room_session_id", callback.life);
            fields.number("close_reason", u64::from(*reason));
            fields.text("room_close_time", &at.to_string());
        }
        What::Login { .. } => login(fields, callback.life, &callback.what),
        What::Logout { .. } => logout(fields, callback.life, &callback.what),
        What::Tencent(_) => {}
    }
}

fn login(fields: &mut Fields, life: u64, what: &What) {
    let What::Login {
        user_id,
        session_id,
        at,
        room_name,
        profile,
        relogin,
        number,
    } = what
    else {
        return;
    };
    if !room_name.is_empty() {
        fields.text("room_name", room_name);
    }
    fields.text("room_seq", &life.to_string());
    fields.text("user_account", user_id);
    fields.text("user_nickname", &profile.nickname);
    fields.text("session_id", session_id);
    fields.digits("login_time", *at);
    fields.digits("user_role", role_number(profile.role));
    fields.text("auth_level", "4");
    fields.text("relogin", if *relogin { "1" } else { "0" });
    fields.text("callback_data", &profile.custom_data);
    if let Some(term_type) = term_type(&profile.platform) {
        fields.text("term_type", &term_type.to_string());
    }
    if let Some(number) = number {
        fields.text("user_update_seq", &number.to_string());
    }
}

fn logout(fields: &mut Fields, life: u64, what: &What) {
    let What::Logout {
        user_id,
        session_id,
        login_at,
        at,
        reason,
        number,
    } = what
    else {
        return;
    };
    fields.text("room_seq", &life.to_string());
    fields.text("user_account", user_id);
    fields.text("user_nickname", user_id);
    fields.text("session_id", session_id);
    if let Some(login_at) = login_at {
        fields.digits("login_time", *login_at);
    }
    fields.digits("logout_time", *at);
    fields.digits("reason", u64::from(*reason));
    fields.digits("user_role", 2);
    if let Some(number) = number {
        fields.text("user_update_seq", &number.to_string());
    }
}

fn role_number(role: TrueRole) -> u64 {
    match role {
        TrueRole::Host => 1,
        TrueRole::Audience | TrueRole::Untold => 2,
        TrueRole::Recorder => 4,
    }
}

/// A body in the making.
#[derive(Default)]
struct Fields {
    spelling: Spelling,
    fields: Map<String, Value>,
}

impl Fields {
    fn text(&mut self, name: &str, value: &str) {
        self.fields.insert(name.to_owned(), Value::from(value));
    }

    fn number(&mut self, name: &str, value: u64) {
        self.fields.insert(name.to_owned(), Value::from(value));
    }

    /// A number that is a string today and was one of JSON's numbers in 2022.
    fn digits(&mut self, name: &str, value: u64) {
        match self.spelling {
            Spelling::Legacy => self.number(name, value),
            _ => self.text(name, &value.to_string()),
        }
    }

    fn write(self) -> (String, &'static str) {
        match self.spelling {
            Spelling::Json | Spelling::Legacy => (Value::Object(self.fields).to_string(), JSON),
            Spelling::PercentEncoded => {
                let json = Value::Object(self.fields).to_string();
                let all = percent_encoding::NON_ALPHANUMERIC;
                (
                    percent_encoding::utf8_percent_encode(&json, all).to_string(),
                    JSON,
                )
            }
            Spelling::Form => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                for (name, value) in &self.fields {
                    match value {
                        Value::String(text) => form.append_pair(name, text),
                        other => form.append_pair(name, &other.to_string()),
                    };
                }
                (form.finish(), "application/x-www-form-urlencoded")
            }
        }
    }
}

#[cfg(test)]
mod tests;
