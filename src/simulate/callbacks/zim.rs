//! Callbacks as ZIM, ZEGOCLOUD's chat, sends them of its users: `user_action`
//! (docs.zegocloud.com, ZIM, Server APIs, Callbacks, Login and logout). They are
//! signed as those of rooms. Times are in seconds, and nothing is numbered.

use super::{
    account::{Signing, VendorAccount},
    fields::Fields,
    zego,
};

/// What a callback of a ZIM user reports. Times are seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) session_id: String,
    pub(crate) user_name: String,
    /// As the vendor spells it: its sample has a space at the end.
    pub(crate) os: String,
    /// When the user logged in again in the session, if so. The callback is signed with that
    /// time; its login time may be that of the first login.
    pub(crate) relogin_at: Option<u64>,
    /// When the session logged in; a logout may not say.
    pub(crate) login_at: Option<u64>,
    pub(crate) action: Action,
}

/// What a user did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Online,
    Logout {
        at: u64,
    },
    Offline {
        at: u64,
        /// Whether the field of the time has the name of the documentation's table. The
        /// sample has only the other name.
        as_tabled: bool,
    },
}

impl Report {
    pub(super) fn write(
        &self,
        fields: &mut Fields,
        vendor: &VendorAccount,
        signing: Signing,
        user_id: &str,
    ) {
        let signing = Signing {
            timestamp: self.relogin_at.unwrap_or(signing.timestamp),
            ..signing
        };
        fields.text("event", "user_action");
        fields.text("appid", &vendor.app_id.to_string());
        fields.number("timestamp", signing.timestamp);
        zego::sign(fields, vendor, signing);
        fields.text("user_id", user_id);
        fields.text("user_name", &self.user_name);
        fields.text("os", &self.os);
        fields.text("session_id", &self.session_id);
        fields.text("relogin", if self.relogin_at.is_some() { "1" } else { "0" });
        if let Some(at) = self.login_at {
            fields.number("login_time", at);
        }
        match self.action {
            Action::Online => fields.number("action", 0),
            Action::Logout { at } => {
                fields.number("action", 1);
                fields.number("logout_time", at);
                fields.text("logout_reason", "logout");
            }
            Action::Offline { at, as_tabled } => {
                fields.number("action", 2);
                let name = if as_tabled {
                    "offline_time"
                } else {
                    "logout_time"
                };
                fields.number(name, at);
            }
        }
    }
}
