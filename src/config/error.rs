//! What can be wrong with a configuration.

use std::{io, path::PathBuf};

/// Why a configuration cannot be used. Every message names the file and line,
/// the variable, or the key at fault. None quotes the value of a key of an app, except for the
/// path of a file: it may be a secret in the wrong place.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The configuration file cannot be read.
    #[error("cannot read the configuration {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not TOML, or has a wrong value or an unknown key.
    #[error("{}, line {line}: {message}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A variable has a wrong value, or its name is not that of a key.
    #[error("{variable}: {message}")]
    Variable {
        /// The variable.
        variable: String,
        /// What is wrong.
        message: String,
    },
    /// A key has a value that makes no sense, alone or with others.
    #[error("{key}: {message}")]
    Key {
        /// The key, such as `webhook.body_max`.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// There is no app, so no callback could be accepted.
    #[error(
        "no app is configured: add [[apps]] to the configuration file, or try `headcount serve --dev`"
    )]
    NoApps,
}

/// The error that says what is wrong with a key.
pub(super) fn wrong<T>(
    key: impl Into<String>,
    message: impl Into<String>,
) -> Result<T, ConfigError> {
    Err(ConfigError::Key {
        key: key.into(),
        message: message.into(),
    })
}
