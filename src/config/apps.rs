//! The apps of a configuration. An app's keys, apart from its name, are sections of a vendor,
//! which reads them itself.

use std::ops::Range;

use serde::{Deserialize, Deserializer, de::IgnoredAny};
use toml::{
    Spanned,
    de::{DeTable, DeValue, Error, ValueDeserializer},
};

use super::{
    AppConfig,
    error::{ConfigError, wrong},
};
use crate::providers::{Account, Registry, Sections, SettingError, Vendor};

/// The longest name of an app. Names are in every request, log line and metric.
const APP_NAME_MAX: usize = 64;

/// Why the apps of a file cannot be used.
#[derive(Debug)]
pub(super) enum AppError {
    /// A value is of the wrong type, a key is missing, or there is no such key.
    Toml(Error),
    /// As above, found by this module: where in the file, and what is wrong.
    Syntax(Range<usize>, String),
    /// A value makes no sense, alone or with others.
    Value(ConfigError),
}

type Result<T> = std::result::Result<T, AppError>;

/// Skips the apps, which [`read`] reads apart from the rest of a configuration.
pub(super) fn none<'de, D: Deserializer<'de>>(
    apps: D,
) -> std::result::Result<Vec<AppConfig>, D::Error> {
    IgnoredAny::deserialize(apps).map(|IgnoredAny| Vec::new())
}

/// Reads the list `apps` of a file.
pub(super) fn read(apps: Spanned<DeValue<'_>>, registry: Registry) -> Result<Vec<AppConfig>> {
    let span = apps.span();
    let DeValue::Array(apps) = apps.into_inner() else {
        return syntax(span, "`apps` is not a list of tables: write [[apps]]");
    };
    apps.into_iter()
        .map(|app| read_app(app, registry))
        .collect()
}

fn read_app(app: Spanned<DeValue<'_>>, registry: Registry) -> Result<AppConfig> {
    let span = app.span();
    let DeValue::Table(mut keys) = app.into_inner() else {
        return syntax(span, "an app is not a table: write [[apps]]");
    };
    let Some(name) = keys.remove("name") else {
        return syntax(span, "missing field `name`");
    };
    let name = String::deserialize(ValueDeserializer::from(name))?;
    check_name(&name)?;
    check_keys(&keys, registry)?;
    let mut accounts = Vec::new();
    for vendor in registry.vendors() {
        accounts.extend(account(&name, vendor, &mut keys, &span)?);
    }
    match accounts.len() {
        0 => wrong(
            format!("apps.{name}"),
            format!("an app needs a vendor: {}", vendors(registry)),
        )?,
        1 => {}
        _ => wrong(
            format!("apps.{name}"),
            format!(
                "an app has either `{}` or `{}`: room ids of two vendors would collide",
                accounts[0].vendor, accounts[1].vendor
            ),
        )?,
    }
    let account = accounts.remove(0);
    Ok(AppConfig { name, account })
}

/// The account that a vendor finds in its sections; `None` if there are none.
fn account(
    app: &str,
    vendor: &Vendor,
    keys: &mut DeTable<'_>,
    span: &Range<usize>,
) -> Result<Option<Account>> {
    let own = vendor.sections.iter();
    let own: DeTable<'_> = own.filter_map(|key| keys.remove_entry(*key)).collect();
    if own.is_empty() {
        return Ok(None);
    }
    let sections = ValueDeserializer::from(Spanned::new(span.clone(), DeValue::Table(own)));
    Ok(Some((vendor.configure)(Sections::new(app, sections))?))
}

fn check_keys(keys: &DeTable<'_>, registry: Registry) -> Result<()> {
    let sections = || {
        registry
            .vendors()
            .flat_map(|vendor| vendor.sections)
            .copied()
    };
    match keys
        .keys()
        .find(|key| !sections().any(|section| section == key.get_ref()))
    {
        None => Ok(()),
        Some(key) => {
            let expected: Vec<_> = sections().map(|section| format!("`{section}`")).collect();
            let message = format!(
                "unknown field `{}`, expected one of `name`, {}",
                key.get_ref(),
                expected.join(", ")
            );
            syntax(key.span(), message)
        }
    }
}

/// Names are typed on command lines and stand in logs, so they consist of letters,
/// digits and three other characters.
fn check_name(name: &str) -> Result<()> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let message = if name.is_empty() {
        "an app's name must not be empty".to_owned()
    } else if name.chars().count() > APP_NAME_MAX {
        format!("an app's name must have at most {APP_NAME_MAX} characters")
    } else if !name.chars().all(is_allowed) {
        format!("{name:?} may have only the characters A-Z, a-z, 0-9, `.`, `_` and `-`")
    } else {
        return Ok(());
    };
    Ok(wrong("apps.name", message)?)
}

/// The names of all vendors, as alternatives.
fn vendors(registry: Registry) -> String {
    let names: Vec<_> = registry
        .vendors()
        .map(|vendor| format!("`{}`", vendor.name))
        .collect();
    names.join(" or ")
}

fn syntax<T>(span: Range<usize>, message: impl Into<String>) -> Result<T> {
    Err(AppError::Syntax(span, message.into()))
}

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        Self::Toml(error)
    }
}

impl From<ConfigError> for AppError {
    fn from(error: ConfigError) -> Self {
        Self::Value(error)
    }
}

impl From<SettingError> for AppError {
    fn from(error: SettingError) -> Self {
        match error {
            SettingError::Toml(error) => Self::Toml(error),
            SettingError::Value { key, message } => Self::Value(ConfigError::Key { key, message }),
        }
    }
}
