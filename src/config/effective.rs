//! What a configuration comes to, as text that may be shown to anybody.

use std::{collections::BTreeSet, fmt::Write as _};

use toml::{Table, Value};

use super::{AppConfig, Config, ConfigError, error::wrong, load::schema};
use crate::{
    domain::Logins,
    providers::{Account, Signing},
};

/// What stands for something that is not shown.
const HIDDEN: &str = "***";

/// A configuration with everything that was not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// As TOML. Apps are without their secrets, and the digests of tokens are hidden: with luck a
    /// weak token can be found by its digest.
    pub toml: String,
    /// The keys that have no value. What they limit is derived, or there is no such thing.
    pub unset: Vec<String>,
}

impl Config {
    /// What the configuration comes to. No secret is read from it to write this.
    ///
    /// # Errors
    /// When it cannot be written, which is a fault of this program.
    pub fn effective(&self) -> Result<Effective, ConfigError> {
        let mut hidden = self.clone();
        for token in &mut hidden.grpc.tokens {
            token.token_sha256 = token.token_sha256.as_ref().map(|_| HIDDEN.to_owned());
        }
        // Apps are not among what is written of a configuration.
        let settings = Table::try_from(&hidden);
        let settings = settings.or_else(|error| wrong("defaults", error.to_string()))?;
        let written = toml::to_string_pretty(&settings);
        let mut toml = written.or_else(|error| wrong("defaults", error.to_string()))?;
        for app in &self.apps {
            add_app(app, &mut toml);
        }
        let mut unset = BTreeSet::new();
        find_unset("", &schema()?, &settings, &mut unset);
        Ok(Effective {
            toml,
            unset: unset.into_iter().collect(),
        })
    }
}

/// Adds the paths of the keys of `schema` that are not in `settings`. Of a section that is missing,
/// only its own.
fn find_unset(path: &str, schema: &Table, settings: &Table, unset: &mut BTreeSet<String>) {
    for (key, known) in schema {
        let path = match path {
            "" => key.clone(),
            path => format!("{path}.{key}"),
        };
        match (known, settings.get(key)) {
            (Value::Table(schema), Some(Value::Table(settings))) => {
                find_unset(&path, schema, settings, unset);
            }
            (_, Some(_)) => {}
            (_, None) => drop(unset.insert(path)),
        }
    }
}

fn add_app(app: &AppConfig, toml: &mut String) {
    let Account {
        vendor: _,
        id,
        id_key,
        signing,
        logins,
    } = &app.account;
    let id = match id.parse::<i64>() {
        Ok(number) => Value::Integer(number),
        Err(_) => Value::String(id.to_string()),
    };
    let name = Value::String(app.name.clone());
    let signed = match signing {
        Signing::Secrets(secrets) => match secrets.iter().count() {
            1 => "signed with a secret".to_owned(),
            count => format!("signed with any of {count} secrets"),
        },
        Signing::Unsigned => "not signed".to_owned(),
    };
    let counted = match logins {
        Logins::Exclusive => "one device of a user counts at a time",
        Logins::Concurrent => "all devices of a user count",
    };
    // Writing to a string cannot fail.
    let _ = write!(
        toml,
        "\n[[apps]]\nname = {name}\n{id_key} = {id}\n# Callbacks are {signed}; {counted}.\n"
    );
}
