//! Callbacks as ZEGOCLOUD sends them of its rooms (docs.zegocloud.com, "Callback"
//! and "Verify the signature").

use sha1::{Digest as _, Sha1};

use crate::simulate::truth::{TrueProfile, TrueRole};

use super::{
    account::{Signing, VendorAccount},
    fields::Fields,
};

/// The kinds of device, in the order of ZEGOCLOUD's numbers for them (`term_type`).
pub(crate) const PLATFORMS: [&str; 7] = [
    "PC",
    "IOS",
    "ANDROID",
    "MAC",
    "LINUX",
    "WEB",
    "MINI_PROGRAM",
];

/// What a callback of a ZEGOCLOUD room reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Report {
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
}

impl Report {
    pub(super) fn number(&self) -> Option<u64> {
        match self {
            Report::Create { .. } | Report::Close { .. } => None,
            Report::Login { number, .. } | Report::Logout { number, .. } => *number,
        }
    }

    /// Writes what happened in a life of a room. The lifecycle pair has numbers
    /// where the user pair has strings.
    pub(super) fn write(
        &self,
        fields: &mut Fields,
        vendor: &VendorAccount,
        signing: Signing,
        (room_id, life): (&str, u64),
    ) {
        let (event, as_numbers) = match self {
            Report::Create { .. } => ("room_create", true),
            Report::Close { .. } => ("room_close", true),
            Report::Login { .. } => ("room_login", false),
            Report::Logout { .. } => ("room_logout", false),
        };
        fields.text("event", event);
        if as_numbers {
            fields.number("appid", vendor.app_id);
            fields.number("timestamp", signing.timestamp);
        } else {
            fields.text("appid", &vendor.app_id.to_string());
            fields.digits("timestamp", signing.timestamp);
        }
        sign(fields, vendor, signing);
        fields.text("room_id", room_id);
        business(fields, life, self);
    }
}

/// Signs a body: for rooms and for the chat alike.
pub(super) fn sign(fields: &mut Fields, vendor: &VendorAccount, signing: Signing) {
    let (timestamp, nonce) = (signing.timestamp.to_string(), signing.nonce.to_string());
    fields.text("nonce", &nonce);
    let signature = signature(&vendor.secret, &timestamp, &nonce);
    fields.text("signature", &signature);
}

/// SHA-1 of the three texts in byte order, in hex.
pub(crate) fn signature(secret: &str, timestamp: &str, nonce: &str) -> String {
    let mut parts = [secret, timestamp, nonce];
    parts.sort_unstable();
    const_hex::encode(Sha1::digest(parts.concat()))
}

fn business(fields: &mut Fields, life: u64, report: &Report) {
    match report {
        Report::Create { at, creator_id } => {
            fields.number("room_session_id", life);
            fields.text("room_create_time", &at.to_string());
            fields.text("id_name", creator_id);
        }
        Report::Close { at, reason } => {
            fields.number("room_session_id", life);
            fields.number("close_reason", u64::from(*reason));
            fields.text("room_close_time", &at.to_string());
        }
        Report::Login { .. } => login(fields, life, report),
        Report::Logout { .. } => logout(fields, life, report),
    }
}

fn login(fields: &mut Fields, life: u64, report: &Report) {
    let Report::Login {
        user_id,
        session_id,
        at,
        room_name,
        profile,
        relogin,
        number,
    } = report
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

fn logout(fields: &mut Fields, life: u64, report: &Report) {
    let Report::Logout {
        user_id,
        session_id,
        login_at,
        at,
        reason,
        number,
    } = report
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

/// ZEGOCLOUD's number of a platform (`term_type`).
fn term_type(platform: &str) -> Option<usize> {
    let at = PLATFORMS.iter().position(|known| *known == platform);
    at.map(|at| at + 1)
}

fn role_number(role: TrueRole) -> u64 {
    match role {
        TrueRole::Host => 1,
        TrueRole::Audience | TrueRole::Untold => 2,
        TrueRole::Recorder => 4,
    }
}
