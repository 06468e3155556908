//! What an app's configuration says of a ZEGOCLOUD project.

use serde::Deserialize;

use super::NAME;
use crate::{
    domain::{Logins, Secrets},
    providers::{Account, Files, Sections, SettingError, Signing},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    zego: Option<Project>,
    zim: Option<Zim>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct Project {
    /// The project's AppID.
    app_id: u64,
    /// The project's CallbackSecret (not its ServerSecret). Several while one replaces another.
    callback_secret: Option<Secrets>,
    callback_secret_file: Option<Files>,
}

/// ZIM has the id and the secret of the project.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
struct Zim {
    /// Whether a user may be logged in on several devices at once.
    multi_login: bool,
}

impl Default for Zim {
    fn default() -> Self {
        Self { multi_login: true }
    }
}

/// Reads the sections `zego` and `zim`.
pub(super) fn configure(sections: Sections<'_>) -> Result<Account, SettingError> {
    let (keys, Settings { zego, zim }) = sections.read()?;
    let needed = "needs `zego`: ZIM's callbacks carry the app id of the ZEGO project and are signed with its secret";
    let project = zego.ok_or_else(|| keys.wrong("zim", needed))?;
    let secrets = keys.required_secrets(
        "zego.callback_secret",
        project.callback_secret,
        project.callback_secret_file,
    )?;
    Ok(Account {
        vendor: NAME,
        id: project.app_id.to_string().into(),
        id_key: "zego.app_id",
        signing: Signing::Secrets(secrets),
        logins: if zim.unwrap_or_default().multi_login {
            Logins::Concurrent
        } else {
            Logins::Exclusive
        },
    })
}
