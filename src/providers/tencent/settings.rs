//! What an app's configuration says of a Tencent application.

use serde::Deserialize;

use super::NAME;
use crate::{
    domain::{Logins, Secrets},
    providers::{Account, Files, Sections, SettingError, Signing},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    tencent: Application,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct Application {
    /// The application's SDKAppID.
    sdk_app_id: u64,
    /// The token that callbacks are signed with. Without it signatures are not checked, and
    /// callbacks of any sender that knows the address and the SDKAppID are taken. Several while
    /// one replaces another.
    callback_token: Option<Secrets>,
    callback_token_file: Option<Files>,
}

/// Reads the section `tencent`.
pub(super) fn configure(sections: Sections<'_>) -> Result<Account, SettingError> {
    let (keys, Settings { tencent }) = sections.read()?;
    let tokens = keys.secrets(
        "tencent.callback_token",
        tencent.callback_token,
        tencent.callback_token_file,
    )?;
    Ok(Account {
        vendor: NAME,
        id: tencent.sdk_app_id.to_string().into(),
        id_key: "tencent.sdk_app_id",
        signing: tokens.map_or(Signing::Unsigned, Signing::Secrets),
        // Only rooms have logins.
        logins: Logins::Concurrent,
    })
}
