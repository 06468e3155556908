//! Reads a [`Config`]: a TOML file, and environment variables over it.
//!
//! The environment is passed in, so that a test needs none of its own.

use std::{
    ffi::OsString,
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
};

use serde::Deserialize as _;
use toml::{Table, Value, de::DeTable};

use super::{
    Config, Size, TlsConfig,
    apps::{self, AppError},
    error::ConfigError,
    log,
};
use crate::providers::{Files, Registry};

/// The start of the names of all variables. `HEADCOUNT_<SECTION>__<KEY>` is a setting. A name
/// without the two underscores is not a setting, and likely a mistake.
const PREFIX: &str = "HEADCOUNT_";

/// Between a section and a key.
const SEPARATOR: &str = "__";

/// Variables of the client commands, which are no settings of the service.
const CLIENT_VARIABLES: [&str; 7] = [
    "HEADCOUNT_ADMIN",
    "HEADCOUNT_APP",
    "HEADCOUNT_CA",
    "HEADCOUNT_CERT",
    "HEADCOUNT_KEY",
    "HEADCOUNT_SERVER",
    "HEADCOUNT_TOKEN_FILE",
];

/// The section that no variable sets: an app is an entry of a list.
const APPS: &str = "apps";

/// The section that `[admin]` replaced.
const FORMER_SECTION: &str = "telemetry";

const FORMER_SECTION_HINT: &str = "[telemetry] is [admin] now, with the same `listen`";

const NO_APPS_BY_VARIABLES: &str = "apps are not set by variables: write [[apps]] in the configuration file, and secrets into files of their own";

impl Config {
    /// Reads a file, or the defaults where there is none. Reads secrets that are in files.
    ///
    /// # Errors
    /// Names the file, and the line or the key at fault.
    pub fn read(file: Option<&Path>, registry: Registry) -> Result<Self, ConfigError> {
        let Some(file) = file else {
            return Ok(Self::default());
        };
        let (file, text) = read_text(file).map_err(|source| ConfigError::Read {
            file: file.into(),
            source,
        })?;
        let mut config = Self::parse(&text, &file, registry)?;
        let folder = folder_of(&file);
        config.journal.path = folder.join(&config.journal.path);
        config.resolve_certificates(folder);
        config.grpc.resolve_secrets(folder);
        config.webhook.resolve_secrets(folder);
        Ok(config)
    }

    /// The configuration of `--dev`: an app `demo`, whose ZEGO project has the id
    /// 1 and the callback secret `secret`, and an app `demo-tencent`, whose
    /// SDKAppID is 1400000000 and whose callbacks are not signed.
    ///
    /// # Errors
    /// When one of their vendors is not in the registry.
    pub fn dev(registry: Registry) -> Result<Self, ConfigError> {
        Self::parse(include_str!("dev.toml"), "--dev".as_ref(), registry)
    }

    /// Reads the text of a file.
    fn parse(text: &str, file: &Path, registry: Registry) -> Result<Self, ConfigError> {
        let fault = |span: Option<Range<usize>>, message| ConfigError::File {
            file: file.into(),
            line: line_of(text, span),
            message,
        };
        let wrong = |error: toml::de::Error| fault(error.span(), describe(error));
        let mut keys = DeTable::parse(text).map_err(wrong)?;
        if let Some((section, _)) = keys.get_ref().get_key_value(FORMER_SECTION) {
            return Err(fault(Some(section.span()), FORMER_SECTION_HINT.into()));
        }
        let filter = log::filter_span(keys.get_ref());
        let apps = keys.get_mut().remove("apps");
        let mut config = Self::deserialize(toml::Deserializer::from(keys)).map_err(wrong)?;
        if filter.is_some() {
            let line = line_of(text, filter);
            config.log.filter_from = Some(format!("{}, line {line}", file.display()));
        }
        if let Some(apps) = apps {
            let folder = folder_of(file);
            config.apps = apps::read(apps, folder, registry).map_err(|error| match error {
                AppError::Toml(error) => fault(error.span(), describe_app(error)),
                AppError::Syntax(span, message) => fault(Some(span), message),
                AppError::Value(error) => error,
            })?;
        }
        Ok(config)
    }

    /// Sets what the environment's `HEADCOUNT_<SECTION>__<KEY>` variables say.
    /// There is one for every key outside of `apps`.
    ///
    /// # Errors
    /// Names the variable.
    pub fn with_env(
        mut self,
        env: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        // Variables do not change apps, and apps are not serialized: they are put back below.
        let apps = std::mem::take(&mut self.apps);
        // Nor is where the filter is from.
        let mut filter_from = self.log.filter_from.take();
        let schema = schema()?;
        for (name, value) in env {
            let Some((variable, path)) = setting(&name) else {
                continue;
            };
            let wrong = |message: String| ConfigError::Variable {
                variable: variable.into(),
                message,
            };
            if path.first().is_some_and(|section| section == APPS) {
                return Err(wrong(NO_APPS_BY_VARIABLES.into()));
            }
            let Some(known) = find(&schema, &path) else {
                let closest = closest(variable, &schema);
                return Err(wrong(format!(
                    "there is no setting `{}`; did you mean {closest}?",
                    path.join(".")
                )));
            };
            let value = value
                .into_string()
                .map_err(|_| wrong("not valid UTF-8".into()))?;
            let value = typed(known, value).map_err(wrong)?;
            if path == log::FILTER_PATH {
                filter_from = Some(variable.to_owned());
            }
            // One variable at a time, so that an error names the variable that caused it.
            self = self
                .with_value(&path, value)
                .map_err(|error| wrong(describe(error)))?;
        }
        self.apps = apps;
        self.log.filter_from = filter_from;
        Ok(self)
    }

    fn with_value(self, path: &[String], value: Value) -> Result<Self, toml::de::Error> {
        let mut table = Table::try_from(&self).map_err(serde::de::Error::custom)?;
        if let [sections @ .., key] = path {
            let section = sections.iter().try_fold(&mut table, |table, name| {
                // A section without defaults is not there yet.
                let section = table.entry(name).or_insert_with(|| Table::new().into());
                section.as_table_mut()
            });
            if let Some(section) = section {
                section.insert(key.clone(), value);
            }
        }
        table.try_into()
    }
}

/// The variables among `names` that set something, each with the key that it sets.
pub fn overriding(names: &[OsString]) -> Vec<(String, String)> {
    let settings = names.iter().filter_map(setting);
    let mut settings: Vec<_> = settings
        .map(|(variable, path)| (variable.to_owned(), path.join(".")))
        .collect();
    settings.sort_unstable();
    settings
}

/// Warnings of variables that are likely mistakes: they are named like settings, and are not
/// settings because they lack the two underscores.
///
/// # Errors
/// When the defaults cannot be listed, which is a fault of this program.
pub fn stray_variables<'a>(
    names: impl IntoIterator<Item = &'a OsString>,
) -> Result<Vec<String>, ConfigError> {
    let schema = schema()?;
    let names = names.into_iter().filter_map(|name| name.to_str());
    let strays = names.filter(|name| {
        name.strip_prefix(PREFIX)
            .is_some_and(|rest| !rest.contains(SEPARATOR))
            && !CLIENT_VARIABLES.contains(name)
    });
    let warning = |name: &str| {
        if is_of_apps(name) {
            return format!("{name} has no effect: {NO_APPS_BY_VARIABLES}");
        }
        let closest = closest(name, &schema);
        format!("{name} is not a setting, and has no effect; did you mean {closest}?")
    };
    Ok(strays.map(warning).collect())
}

/// Whether a variable without the two underscores is meant to set apps.
fn is_of_apps(name: &str) -> bool {
    let rest = name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase();
    rest.strip_prefix(APPS)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

/// The variable of a setting whose name is most like `name`, with its section or without. The
/// number of underscores is not compared, because a wrong number of them is the usual mistake.
fn closest(name: &str, schema: &Table) -> String {
    let plain = |name: &str| name.replace(SEPARATOR, "_").to_uppercase();
    let variables = settings(schema).into_iter().map(|path| {
        let variable = format!("{PREFIX}{}", path.join(SEPARATOR)).to_uppercase();
        let without_section = path.get(1..).unwrap_or_default().join(SEPARATOR);
        (
            variable,
            format!("{PREFIX}{without_section}").to_uppercase(),
        )
    });
    let wanted = plain(name);
    let distance = |name: &str| strsim::damerau_levenshtein(&plain(name), &wanted);
    let closest = variables.min_by_key(|(variable, without_section)| {
        distance(variable).min(distance(without_section))
    });
    closest.map(|(variable, _)| variable).unwrap_or_default()
}

/// Every key that may be set by a variable, with a value of its type.
pub(super) fn schema() -> Result<Table, ConfigError> {
    let mut config = Config::default();
    // Keys that are not set by default would be missing.
    config.admin.listen = Some(config.webhook.listen);
    config.journal.bytes_max = Some(Size::from_mib(1));
    config.roster.bytes_max = Some(Size::from_mib(1));
    config.roster.history_bytes_max = Some(Size::from_mib(1));
    config.grpc.watches_max = Some(1);
    config.grpc.connections_max = Some(1);
    config.grpc.connections_per_address_max = Some(1);
    config.webhook.nonce_pairs_max = Some(1);
    config.webhook.connections_max = Some(1);
    config.webhook.connections_per_address_max = Some(1);
    config.webhook.unread_bytes_max = Some(Size::from_mib(1));
    config.webhook.requests_per_second_max = Some(1);
    config.webhook.path_secret_file = Some(Files::One(PathBuf::new()));
    let tls = TlsConfig {
        client_ca: Some(PathBuf::new()),
        ..TlsConfig::default()
    };
    for front in [
        &mut config.webhook.tls,
        &mut config.grpc.tls,
        &mut config.admin.tls,
    ] {
        *front = Some(tls.clone());
    }
    Table::try_from(&config).map_err(|error| ConfigError::Key {
        key: "defaults".into(),
        message: error.to_string(),
    })
}

/// The paths of all settings: section and key, and what is within that.
fn settings(schema: &Table) -> Vec<Vec<&str>> {
    let mut paths = Vec::new();
    for (key, value) in schema {
        let within = match value {
            Value::Table(table) => settings(table),
            _ => vec![Vec::new()],
        };
        for mut path in within {
            path.insert(0, key.as_str());
            paths.push(path);
        }
    }
    paths
}

/// The value of a setting.
fn find<'a>(schema: &'a Table, path: &[String]) -> Option<&'a Value> {
    let (key, sections) = path.split_last()?;
    let section = sections
        .iter()
        .try_fold(schema, |table, name| table.get(name)?.as_table())?;
    section.get(key).filter(|value| !value.is_table())
}

/// The name of a setting's variable, and the path of the setting.
fn setting(name: &OsString) -> Option<(&str, Vec<String>)> {
    let name = name.to_str()?;
    let path: Vec<_> = name
        .strip_prefix(PREFIX)?
        .split(SEPARATOR)
        .map(str::to_lowercase)
        .collect();
    (path.len() > 1).then_some((name, path))
}

/// A variable's text, as a value of the same type as `known`.
fn typed(known: &Value, text: String) -> Result<Value, String> {
    match known {
        Value::Integer(_) => match text.parse() {
            Ok(number) => Ok(Value::Integer(number)),
            Err(_) => Err(format!("`{text}` is not a whole number")),
        },
        Value::Boolean(_) => match text.parse() {
            Ok(flag) => Ok(Value::Boolean(flag)),
            Err(_) => Err(format!("`{text}` is neither `true` nor `false`")),
        },
        // As in the file, or with commas alone.
        Value::Array(_) => match text.parse() {
            Ok(list @ Value::Array(_)) => Ok(list),
            _ => Ok(Value::String(text)),
        },
        _ => Ok(Value::String(text)),
    }
}

/// The absolute path of a file, and its text.
fn read_text(file: &Path) -> io::Result<(PathBuf, String)> {
    let file = std::path::absolute(file)?;
    let text = fs::read_to_string(&file)?;
    Ok((file, text))
}

/// What the relative paths in a file are relative to: its folder, because the process may be
/// started anywhere.
fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(file)
}

/// The line of a part of a text, from 1.
fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let start = span.map_or(0, |span| span.start.min(text.len()));
    text.as_bytes()[..start]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

/// What is wrong and at which key, on one line. The text of the file is left
/// out: it may hold a secret.
fn describe(mut error: toml::de::Error) -> String {
    error.set_input(None);
    error.to_string().trim_end().replace('\n', ", ")
}

/// The same for an error in an app. The value that is wrong is left out: it may be a secret in the
/// wrong place.
fn describe_app(error: toml::de::Error) -> String {
    let text = describe(error);
    let is_of_value = ["invalid type: ", "invalid value: "]
        .iter()
        .any(|begin| text.starts_with(begin));
    let text = match text.split_once(", expected ") {
        Some((_, expected)) if is_of_value => format!("wrong type, expected {expected}"),
        _ => text,
    };
    match text.rsplit_once(", in `") {
        Some((message, key)) => format!("{message}, in `apps.{key}"),
        None => format!("{text}, in `apps`"),
    }
}
