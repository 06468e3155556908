//! Reads the configuration again, and takes over what may change while the service runs.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use parking_lot::Mutex;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use toml::{Table, Value};
use tracing::{error, info, warn};

use super::{
    fronts::{self, Reloadable},
    service_manager::ServiceManager,
};
use crate::{
    config::{AppConfig, Config, ConfigError},
    providers::Account,
};

/// Reads the configuration as at the start. It may block.
type Read = dyn Fn() -> Result<(Config, Vec<String>), ConfigError> + Send + Sync;

/// The settings that a reload changes at once, by the begin of their path.
const AT_ONCE: [&str; 8] = [
    "grpc.tokens",
    "grpc.jwt",
    "grpc.clients",
    "webhook.allow",
    "webhook.proxies",
    "webhook.path_secret_file",
    "webhook.requests_per_second_max",
    "log.filter",
];

/// Takes over something else of a configuration. Returns what is likely not meant.
type Also = dyn Fn(&Config) -> Vec<String> + Send + Sync;

/// Reads the configuration of a running server again. Clones are of the same server.
#[derive(Clone)]
pub struct Reloader(Arc<Inner>);

struct Inner {
    read: Box<Read>,
    /// What is in use of the settings that a reload does not change.
    started: Config,
    target: Reloadable,
    metrics: ReloadMetrics,
    manager: ServiceManager,
    also: OnceLock<Box<Also>>,
    /// One reload at a time.
    turn: Mutex<()>,
}

/// How often the configuration was read again.
#[derive(Clone, Debug, Default)]
pub(super) struct ReloadMetrics(Family<Labels, Counter>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    result: &'static str,
}

impl ReloadMetrics {
    /// Adds the counters to a registry. They begin at zero.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "reloads",
            "Times that the configuration was read again, by result",
            metrics.0.clone(),
        );
        for result in ["success", "failure"] {
            metrics.count(result, 0);
        }
        metrics
    }

    fn count(&self, result: &'static str, times: u64) {
        self.0.get_or_create(&Labels { result }).inc_by(times);
    }
}

impl Reloader {
    pub(super) fn new(
        read: Box<Read>,
        started: Config,
        target: Reloadable,
        metrics: ReloadMetrics,
        manager: ServiceManager,
    ) -> Self {
        Self(Arc::new(Inner {
            read,
            started,
            target,
            metrics,
            manager,
            also: OnceLock::new(),
            turn: Mutex::new(()),
        }))
    }

    /// Lets a reload take over also what the server does not know of, such as the filter of the
    /// log, once everything else is. `apply` returns what is likely not meant. Only the first call
    /// has an effect.
    pub fn also(&self, apply: impl Fn(&Config) -> Vec<String> + Send + Sync + 'static) {
        let _ = self.0.also.set(Box::new(apply));
    }

    /// Reads the configuration again. Secrets, tokens, keys of JWTs, certificates and who may send
    /// callbacks change at once; streams whose credentials are gone end. Returns what was not taken over, and what
    /// is allowed but likely not meant. Blocks while files are read.
    ///
    /// # Errors
    /// When the configuration or a file that it names cannot be used. Then nothing changes, but
    /// certificates, each of which is taken over if it can be used.
    pub fn reload(&self) -> Result<Vec<String>, ConfigError> {
        let Inner {
            metrics,
            manager,
            turn,
            ..
        } = &*self.0;
        let _turn = turn.lock();
        let reloaded = manager.during_reload(|| self.0.reload());
        match &reloaded {
            Ok(warnings) => {
                metrics.count("success", 1);
                for warning in warnings {
                    warn!("{warning}");
                }
                info!("reloaded the configuration");
            }
            Err(error) => {
                metrics.count("failure", 1);
                error!(%error, "cannot reload the configuration: what is in use stays");
            }
        }
        reloaded
    }
}

impl Inner {
    fn reload(&self) -> Result<Vec<String>, ConfigError> {
        let Reloadable {
            access,
            certificates,
            webhook,
        } = &self.target;
        let certificates_usable = certificates.look();
        let (config, mut warnings) = (self.read)()?;
        let used = taken_over(&self.started, &config);
        // What is new may be wrong beside what stays: such as no credentials where nobody else may
        // ask. A file that is half written looks like that, too.
        used.validate()?;
        // Everything is read before anything changes.
        let known = used.credentials()?;
        let protection = used.protection()?;
        access.replace(known);
        webhook.replace_protection(protection);
        webhook.replace_accounts(&fronts::accounts(&used.apps));
        if let Some(also) = self.also.get() {
            warnings.extend(also(&config));
        }
        if !certificates_usable {
            warnings.push("a certificate cannot be used: the old one stays".to_owned());
        }
        let left = left_alone(&self.started, &config);
        warnings.extend(
            left.into_iter()
                .map(|key| format!("{key} changed: restart to use it")),
        );
        Ok(warnings)
    }
}

/// What is in use after a reload: what started, with what changes at once ([`AT_ONCE`]).
fn taken_over(started: &Config, now: &Config) -> Config {
    let mut used = started.clone();
    used.grpc.tokens.clone_from(&now.grpc.tokens);
    used.grpc.jwt.clone_from(&now.grpc.jwt);
    used.grpc.clients.clone_from(&now.grpc.clients);
    used.webhook.allow.clone_from(&now.webhook.allow);
    used.webhook.proxies.clone_from(&now.webhook.proxies);
    let path_secret = &now.webhook.path_secret_file;
    used.webhook.path_secret_file.clone_from(path_secret);
    used.webhook.requests_per_second_max = now.webhook.requests_per_second_max;
    used.log.filter.clone_from(&now.log.filter);
    used.apps = accounts(&started.apps, &now.apps);
    used
}

/// The accounts that are in use, each with the secrets that it has now.
fn accounts(started: &[AppConfig], now: &[AppConfig]) -> Vec<AppConfig> {
    let with_secrets = |app: &AppConfig| {
        let same = now.iter().find(|it| is_same_account(it, app));
        same.unwrap_or(app).clone()
    };
    started.iter().map(with_secrets).collect()
}

fn is_same_account(one: &AppConfig, other: &AppConfig) -> bool {
    let key = |app: &AppConfig| {
        let Account {
            vendor, id, logins, ..
        } = &app.account;
        (app.name.clone(), *vendor, id.clone(), *logins)
    };
    key(one) == key(other)
}

/// The settings that changed and need a restart, by their paths.
fn left_alone(started: &Config, now: &Config) -> Vec<String> {
    let (Ok(old), Ok(new)) = (Table::try_from(started), Table::try_from(now)) else {
        return Vec::new();
    };
    let mut changed = Vec::new();
    compare("", &old, &new, &mut changed);
    changed.retain(|path| !AT_ONCE.iter().any(|begin| path.starts_with(begin)));
    let is_of =
        |apps: &[AppConfig], app: &AppConfig| apps.iter().any(|other| is_same_account(other, app));
    let same_apps = started.apps.len() == now.apps.len()
        && started.apps.iter().all(|app| is_of(&now.apps, app));
    if !same_apps {
        changed.push("apps".to_owned());
    }
    changed
}

fn compare(path: &str, old: &Table, new: &Table, changed: &mut Vec<String>) {
    let mut keys: Vec<_> = old.keys().chain(new.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match (old.get(key), new.get(key)) {
            (Some(Value::Table(old)), Some(Value::Table(new))) => {
                compare(&path, old, new, changed);
            }
            (old, new) if old != new => changed.push(path),
            _ => {}
        }
    }
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{GrpcConfig, Span, TokenConfig},
        providers::Registry as Vendors,
    };

    #[test]
    fn what_needs_a_restart_is_named_and_what_does_not_is_not() {
        let started = Config::dev(Vendors::standard()).unwrap();
        assert!(left_alone(&started, &started).is_empty());
        let mut now = started.clone();
        now.roster.reorder_horizon = Span::from_mins(1);
        now.grpc.watches_max = Some(1);
        now.grpc.anonymous = true;
        now.grpc.tokens.push(Default::default());
        now.webhook.allow = "10.0.0.0/8".parse().unwrap();
        now.webhook.proxies = "10.0.0.1".parse().unwrap();
        now.webhook.requests_per_second_max = Some(9);
        now.webhook.path_secret_file = Some(crate::providers::Files::One("secret".into()));
        now.log.filter = "debug".to_owned();
        now.log.format = crate::config::LogFormat::Json;
        now.apps.pop();
        assert_eq!(
            left_alone(&started, &now),
            [
                "grpc.anonymous",
                "grpc.watches_max",
                "log.format",
                "roster.reorder_horizon",
                "apps"
            ]
        );
    }

    #[test]
    fn what_changes_at_once_has_to_fit_what_stays() {
        let mut started = Config::dev(Vendors::standard()).unwrap();
        for app in &mut started.apps {
            app.account.signing = crate::providers::Signing::Secrets("a secret".into());
        }
        let token = TokenConfig {
            name: "games".to_owned(),
            token_sha256: Some("0".repeat(64)),
            apps: vec!["*".to_owned()],
            ..TokenConfig::default()
        };
        started.grpc.tokens.push(token);
        started.grpc.listen = "0.0.0.0:50051".parse().unwrap();
        started.grpc.insecure = true;
        started.validate().unwrap();
        assert!(left_alone(&started, &taken_over(&started, &started)).is_empty());

        // A file that ends before its section of gRPC is right by itself.
        let mut now = started.clone();
        now.grpc = GrpcConfig::default();
        now.validate().unwrap();
        let error = taken_over(&started, &now).validate().unwrap_err();
        assert!(error.to_string().contains("grpc.listen"), "{error}");
    }

    #[test]
    fn secrets_are_taken_over_and_other_accounts_are_not() {
        let started = Config::dev(Vendors::standard()).unwrap();
        let mut now = started.clone();
        let secrets = crate::providers::Signing::Secrets("new".into());
        now.apps[0].account.signing = secrets.clone();
        now.apps[1].account.id = "7".into();
        let accounts = accounts(&started.apps, &now.apps);
        assert_eq!(accounts[0].account.signing, secrets);
        assert_eq!(accounts[1].account.id, started.apps[1].account.id);
    }
}
