//! The apps of a configuration. An app's keys, apart from its name, are sections of a vendor,
//! which reads them itself.

use std::{ops::Range, path::Path};

use serde::{Deserialize, Deserializer, de::IgnoredAny};
use toml::{
    Spanned,
    de::{DeTable, DeValue, Error, ValueDeserializer},
};

use super::{
    AppConfig,
    error::{ConfigError, wrong},
};
use crate::providers::{Registry, Sections, SettingError, Vendor};

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

/// Takes the place of the apps where the rest of a configuration is read: [`read`] reads them,
/// with the vendors. So that the key is known, it is a field all the same.
pub(super) fn none<'de, D: Deserializer<'de>>(
    apps: D,
) -> std::result::Result<Vec<AppConfig>, D::Error> {
    IgnoredAny::deserialize(apps).map(|IgnoredAny| Vec::new())
}

/// Reads the list `apps` of a file in `folder`, which paths in it are relative to.
pub(super) fn read(
    apps: Spanned<DeValue<'_>>,
    folder: &Path,
    registry: Registry,
) -> Result<Vec<AppConfig>> {
    let span = apps.span();
    let DeValue::Array(apps) = apps.into_inner() else {
        return syntax(span, "`apps` is not a list of tables: write [[apps]]");
    };
    apps.into_iter()
        .map(|app| read_app(app, folder, registry))
        .collect()
}

fn read_app(app: Spanned<DeValue<'_>>, folder: &Path, registry: Registry) -> Result<AppConfig> {
    let span = app.span();
    let DeValue::Table(mut keys) = app.into_inner() else {
        return syntax(span, "an app is not a table: write [[apps]]");
    };
    let Some(name) = keys.remove("name") else {
        return syntax(span, "missing field `name`, in `apps`");
    };
    let Some(name) = name.get_ref().as_str().map(str::to_owned) else {
        return syntax(name.span(), "wrong type, expected a string, in `apps.name`");
    };
    check_name(&name)?;
    check_keys(&keys, registry)?;
    check_vendors(&name, &keys, registry)?;
    for vendor in registry.vendors() {
        if let Some(values) = sections(vendor, &mut keys, &span) {
            let sections = Sections::new(&name, folder, values);
            let account = (vendor.configure)(sections)?;
            return Ok(AppConfig { name, account });
        }
    }
    let message = format!("an app needs a vendor: {}", vendors(registry));
    Ok(wrong(format!("apps.{name}"), message)?)
}

/// Takes the sections of a vendor out of an app's keys; `None` if there are none.
fn sections<'a>(
    vendor: &Vendor,
    keys: &mut DeTable<'a>,
    span: &Range<usize>,
) -> Option<ValueDeserializer<'a>> {
    let own = vendor.sections.iter();
    let own: DeTable<'_> = own.filter_map(|key| keys.remove_entry(*key)).collect();
    if own.is_empty() {
        return None;
    }
    let own = Spanned::new(span.clone(), DeValue::Table(own));
    Some(ValueDeserializer::from(own))
}

/// Checks that an app is of one vendor.
fn check_vendors(app: &str, keys: &DeTable<'_>, registry: Registry) -> Result<()> {
    let named = registry.vendors().map(|vendor| vendor.name);
    let mut named = named.filter(|name| keys.contains_key(*name));
    if let (Some(one), Some(other)) = (named.next(), named.next()) {
        let message = format!(
            "an app has either `{one}` or `{other}`: room ids of two vendors would collide"
        );
        wrong(format!("apps.{app}"), message)?;
    }
    Ok(())
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
                "unknown field `{}`, expected one of `name`, {}, in `apps`",
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
