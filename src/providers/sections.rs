//! A vendor's part of an app's configuration.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use toml::de::ValueDeserializer;

use crate::domain::{Secret, Secrets};

/// The sections of an app's configuration that are of one vendor: at least one of the keys
/// that the vendor names.
pub struct Sections<'a> {
    app: &'a str,
    folder: &'a Path,
    values: ValueDeserializer<'a>,
}

/// Why a vendor's sections cannot be used. The error of a wrong type quotes the value, which the
/// configuration does not pass on: it may be a secret in the wrong place.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// A value is of the wrong type, a key is missing, or there is no such key.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// A value makes no sense, alone or with others.
    #[error("{key}: {message}")]
    Value {
        /// The key from the top, such as `apps.arena.zego.callback_secret`.
        key: String,
        /// What is wrong.
        message: String,
    },
}

// === impl Sections ===

impl<'a> Sections<'a> {
    /// The sections of the app of that name, in a configuration whose paths are relative to
    /// `folder`.
    pub fn new(app: &'a str, folder: &'a Path, values: ValueDeserializer<'a>) -> Self {
        Self {
            app,
            folder,
            values,
        }
    }

    /// The app, to name keys and to read secrets, and its sections as a struct with a field for
    /// each.
    ///
    /// # Errors
    /// When a key is missing or unknown, or has a value of the wrong type.
    pub fn read<T: DeserializeOwned>(self) -> Result<(Keys<'a>, T), SettingError> {
        let Self {
            app,
            folder,
            values,
        } = self;
        Ok((Keys { app, folder }, T::deserialize(values)?))
    }
}

impl fmt::Debug for Sections<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sections")
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}

/// A file, or a list of files.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged, expecting = "a path, or a list of paths")]
pub enum Files {
    /// One.
    One(PathBuf),
    /// Several.
    Several(Vec<PathBuf>),
}

impl Files {
    /// Each of them.
    pub fn paths(&self) -> &[PathBuf] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Several(paths) => paths,
        }
    }

    /// Makes relative paths relative to a folder.
    pub fn resolve(&mut self, folder: &Path) {
        let paths = match self {
            Self::One(path) => std::slice::from_mut(path),
            Self::Several(paths) => paths,
        };
        for path in paths {
            *path = folder.join(&*path);
        }
    }
}

/// Names the keys of an app by their full path in the configuration, and reads its secrets.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    app: &'a str,
    folder: &'a Path,
}

// === impl Keys ===

impl Keys<'_> {
    /// The error that says what is wrong with a key, such as `zego.callback_secret`.
    pub fn wrong(self, key: &str, message: impl Into<String>) -> SettingError {
        SettingError::Value {
            key: self.name(key),
            message: message.into(),
        }
    }

    /// The secrets of a key, which are set, or in the files that `<key>_file` names, relative to
    /// the configuration; `None` if neither is set.
    ///
    /// # Errors
    /// When both are, a file cannot be read, there is none, or one is empty.
    pub fn secrets(
        self,
        key: &str,
        secrets: Option<Secrets>,
        files: Option<Files>,
    ) -> Result<Option<Secrets>, SettingError> {
        let file_key = format!("{key}_file");
        let (key, secrets) = match (secrets, files) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                let both = format!("set either this or `{}`, not both", self.name(&file_key));
                return Err(self.wrong(key, both));
            }
            (Some(secrets), None) => (key, secrets),
            (None, Some(files)) => {
                let files = files.paths().iter();
                let secrets = files.map(|file| self.read_secret(&file_key, file));
                (&*file_key, secrets.collect::<Result<_, _>>()?)
            }
        };
        if secrets.iter().next().is_none() {
            return Err(self.wrong(key, "the list is empty"));
        }
        if secrets.iter().any(|secret| secret.expose().is_empty()) {
            return Err(self.wrong(key, "the secret is empty"));
        }
        Ok(Some(secrets))
    }

    /// Like [`secrets`](Self::secrets), but there has to be one.
    ///
    /// # Errors
    /// As there, and when neither is set.
    pub fn required_secrets(
        self,
        key: &str,
        secrets: Option<Secrets>,
        files: Option<Files>,
    ) -> Result<Secrets, SettingError> {
        self.secrets(key, secrets, files)?
            .ok_or_else(|| self.wrong(key, format!("missing; or set `{}_file`", self.name(key))))
    }

    fn read_secret(self, key: &str, file: &Path) -> Result<Secret, SettingError> {
        let file = self.folder.join(file);
        let text = fs::read_to_string(&file)
            .map_err(|error| self.wrong(key, format!("cannot read {}: {error}", file.display())))?;
        // Editors and `echo` end a file with a newline.
        Ok(text.trim_end_matches(['\r', '\n']).into())
    }

    fn name(self, key: &str) -> String {
        format!("apps.{}.{key}", self.app)
    }
}
