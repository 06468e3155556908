//! Who may send callbacks at all.

use std::{num::NonZeroU32, path::Path};

use super::{
    Config, WebhookConfig,
    access::{read, without_newline},
    error::{ConfigError, wrong},
};
use crate::{
    domain::{Secret, Secrets},
    webhook::Protection,
};

/// A secret in a path is at least as long as this. A shorter one could be found by trying.
const PATH_SECRET_CHARS_MIN: usize = 16;

const KEY: &str = "webhook.path_secret_file";

impl WebhookConfig {
    /// Makes the relative paths of secrets relative to a folder.
    pub(super) fn resolve_secrets(&mut self, folder: &Path) {
        if let Some(files) = &mut self.path_secret_file {
            files.resolve(folder);
        }
    }
}

impl Config {
    /// Who may send callbacks at all. Reads the secrets of the path from their files.
    ///
    /// # Errors
    /// Names the key whose file cannot be used, and never says what is in it.
    pub fn protection(&self) -> Result<Protection, ConfigError> {
        let WebhookConfig {
            allow,
            proxies,
            path_secret_file,
            requests_per_second_max,
            ..
        } = &self.webhook;
        let path_secrets = path_secret_file.as_ref().map(|files| {
            let secrets = files.paths().iter().map(|file| path_secret(file));
            secrets.collect::<Result<Secrets, _>>()
        });
        let path_secrets = path_secrets.transpose()?;
        if path_secrets
            .as_ref()
            .is_some_and(|secrets| secrets.iter().next().is_none())
        {
            return wrong(KEY, "the list is empty");
        }
        Ok(Protection {
            allow: allow.clone(),
            proxies: proxies.clone(),
            requests_per_second_max: requests_per_second_max.and_then(NonZeroU32::new),
            path_secrets,
        })
    }
}

fn path_secret(file: &Path) -> Result<Secret, ConfigError> {
    let text = read(KEY, file)?;
    let secret = without_newline(&text);
    let is_url_safe =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    if secret.len() < PATH_SECRET_CHARS_MIN || !secret.bytes().all(is_url_safe) {
        let file = file.display();
        return wrong(
            KEY,
            format!(
                "{file}: a secret in a path is at least {PATH_SECRET_CHARS_MIN} of the characters A-Z, a-z, 0-9, `-`, `_`, `.` and `~`"
            ),
        );
    }
    Ok(secret.into())
}
