//! What makes sense: checks a [`Config`] as a whole, and reads the secrets that
//! are kept in files.

use std::{collections::HashSet, fs, path::PathBuf};

use super::{AppConfig, Config, ConfigError, Secret};
use crate::reconcile::EVIDENCE_GRACE;

/// The longest name of an app. Names are in every request, log line and metric.
const APP_NAME_MAX: usize = 64;

impl Config {
    /// Checks that the configuration can be served, and reads secrets that are
    /// in files. Returns what is allowed but likely not meant.
    ///
    /// # Errors
    /// Names the key at fault.
    pub fn validate(&mut self) -> Result<Vec<String>, ConfigError> {
        self.check_above_zero()?;
        let (freshness, horizon) = (self.webhook.freshness_window, self.roster.reorder_horizon);
        if freshness > horizon {
            return wrong(
                "webhook.freshness_window",
                format!(
                    "{freshness} is longer than roster.reorder_horizon ({horizon}): callbacks in between would be taken and then ignored"
                ),
            );
        }
        if self.apps.is_empty() {
            return Err(ConfigError::NoApps);
        }
        for app in &mut self.apps {
            app.validate()?;
        }
        self.check_unique()?;
        Ok(self.warnings())
    }

    /// Checks that a configuration that everybody knows, like that of `--dev`,
    /// is reachable from this machine only.
    ///
    /// # Errors
    /// Names the key that opens it to others.
    pub fn check_loopback(&self) -> Result<(), ConfigError> {
        let listens = [
            ("webhook.listen", Some(self.webhook.listen)),
            ("grpc.listen", Some(self.grpc.listen)),
            ("telemetry.listen", self.telemetry.listen),
        ];
        for (key, listen) in listens {
            if let Some(listen) = listen
                && !listen.ip().is_loopback()
            {
                let message = format!(
                    "{listen} is open to others, but --dev has a secret that everybody knows: use a loopback address, or a configuration file"
                );
                return wrong(key, message);
            }
        }
        Ok(())
    }

    fn check_above_zero(&self) -> Result<(), ConfigError> {
        let Self {
            webhook,
            grpc,
            journal,
            roster,
            server,
            ..
        } = self;
        let zeros = [
            ("webhook.body_max", webhook.body_max.bytes() == 0),
            (
                "webhook.freshness_window",
                webhook.freshness_window.is_zero(),
            ),
            ("webhook.nonce_pairs_max", webhook.nonce_pairs_max == 0),
            ("webhook.connections_max", webhook.connections_max == 0),
            ("webhook.requests_max", webhook.requests_max == 0),
            (
                "webhook.header_read_timeout",
                webhook.header_read_timeout.is_zero(),
            ),
            (
                "webhook.body_read_timeout",
                webhook.body_read_timeout.is_zero(),
            ),
            ("webhook.idle_timeout", webhook.idle_timeout.is_zero()),
            ("grpc.progress_interval", grpc.progress_interval.is_zero()),
            ("grpc.connections_max", grpc.connections_max == 0),
            (
                "grpc.streams_per_connection_max",
                grpc.streams_per_connection_max == 0,
            ),
            ("grpc.watches_max", grpc.watches_max == 0),
            ("journal.retention", journal.retention.is_zero()),
            (
                "journal.checkpoint_interval",
                journal.checkpoint_interval.is_zero(),
            ),
            (
                "journal.checkpoint_entries",
                journal.checkpoint_entries == 0,
            ),
            ("roster.reorder_horizon", roster.reorder_horizon.is_zero()),
            ("roster.empty_room_ttl", roster.empty_room_ttl.is_zero()),
            ("server.drain_timeout", server.drain_timeout.is_zero()),
            // The limits of history may be 0: then nothing can be resumed, and
            // every watch begins with a snapshot.
        ];
        match zeros.into_iter().find(|(_, zero)| *zero) {
            Some((key, _)) => wrong(key, "must be above zero"),
            None => Ok(()),
        }
    }

    /// A callback is of one app, and so is a question.
    fn check_unique(&self) -> Result<(), ConfigError> {
        let mut names = HashSet::new();
        let mut ids = HashSet::new();
        for app in &self.apps {
            if !names.insert(&app.name) {
                return wrong(format!("apps.{}.name", app.name), "two apps have this name");
            }
            let zego = app.zego.as_ref().map(|zego| ("zego.app_id", zego.app_id));
            let tencent = app.tencent.as_ref();
            let tencent = tencent.map(|tencent| ("tencent.sdk_app_id", tencent.sdk_app_id));
            for (key, id) in zego.into_iter().chain(tencent) {
                if !ids.insert((key, id)) {
                    let message = format!("another app has the id {id} too");
                    return wrong(format!("apps.{}.{key}", app.name), message);
                }
            }
        }
        Ok(())
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let (ttl, horizon) = (self.roster.empty_room_ttl, self.roster.reorder_horizon);
        if *ttl < horizon.saturating_add(EVIDENCE_GRACE) {
            warnings.push(format!(
                "roster.empty_room_ttl ({ttl}) is shorter than roster.reorder_horizon ({horizon}) and a minute: a late login may open a room again whose end is forgotten"
            ));
        }
        warnings
    }
}

impl AppConfig {
    fn validate(&mut self) -> Result<(), ConfigError> {
        let Self {
            name,
            zego,
            zim,
            tencent,
        } = self;
        check_name(name)?;
        let app = format!("apps.{name}");
        if zim.is_some() && zego.is_none() {
            return wrong(
                format!("{app}.zim"),
                "needs `zego`: ZIM's callbacks carry the app id of the ZEGO project and are signed with its secret",
            );
        }
        match (zego, tencent) {
            (Some(_), Some(_)) => wrong(
                app,
                "an app has either `zego` or `tencent`: room ids of two vendors would collide",
            ),
            (None, None) => wrong(app, "an app needs a vendor: `zego` or `tencent`"),
            (Some(zego), None) => {
                let key = format!("{app}.zego.callback_secret");
                let file = zego.callback_secret_file.take();
                let secret = resolve(&key, zego.callback_secret.take(), file)?;
                if secret.is_none() {
                    return wrong(&*key, format!("missing; or set `{key}_file`"));
                }
                zego.callback_secret = secret;
                Ok(())
            }
            (None, Some(tencent)) => {
                let key = format!("{app}.tencent.callback_token");
                let file = tencent.callback_token_file.take();
                // Without one, signatures are not checked.
                tencent.callback_token = resolve(&key, tencent.callback_token.take(), file)?;
                Ok(())
            }
        }
    }
}

/// Names are typed on command lines and stand in logs, so they are of letters,
/// digits and little else.
fn check_name(name: &str) -> Result<(), ConfigError> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() {
        wrong("apps.name", "an app's name must not be empty")
    } else if name.chars().count() > APP_NAME_MAX {
        wrong(
            "apps.name",
            format!("an app's name must have at most {APP_NAME_MAX} characters"),
        )
    } else if !name.chars().all(is_allowed) {
        wrong(
            "apps.name",
            format!("{name:?} may have only the characters A-Z, a-z, 0-9, `.`, `_` and `-`"),
        )
    } else {
        Ok(())
    }
}

/// The secret that is set, or in the file that is; `None` if neither is.
fn resolve(
    key: &str,
    secret: Option<Secret>,
    file: Option<PathBuf>,
) -> Result<Option<Secret>, ConfigError> {
    let (key, secret) = match (secret, file) {
        (None, None) => return Ok(None),
        (Some(secret), None) => (key.to_owned(), secret),
        (None, Some(file)) => {
            let key = format!("{key}_file");
            match fs::read_to_string(&file) {
                // Editors and `echo` end a file with a newline.
                Ok(text) => (key, text.trim_end_matches(['\r', '\n']).into()),
                Err(error) => {
                    return wrong(key, format!("cannot read {}: {error}", file.display()));
                }
            }
        }
        (Some(_), Some(_)) => {
            return wrong(key, format!("set either this or `{key}_file`, not both"));
        }
    };
    if secret.expose().is_empty() {
        return wrong(key, "the secret is empty");
    }
    Ok(Some(secret))
}

fn wrong<T>(key: impl Into<String>, message: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError::Key {
        key: key.into(),
        message: message.into(),
    })
}
