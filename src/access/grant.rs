//! What a credential grants.

use std::{
    collections::HashSet,
    future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time;

use super::digest::TokenDigest;
use crate::domain::AppName;

/// The name that stands for all apps.
const ALL_APPS: &str = "*";

/// The longest time that is waited at once. An instant that is much later could not be
/// represented.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The apps that may be asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Apps {
    /// All, also those that are configured later.
    All,
    /// These, whether or not they are configured.
    These(Arc<HashSet<AppName>>),
}

/// What somebody may ask, and how they proved it.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The name of the credential, for logs and metrics.
    pub name: Arc<str>,
    /// What may be asked about.
    pub apps: Apps,
    /// Whether the calls for operators are allowed.
    pub is_admin: bool,
    /// When it ends by itself.
    pub expires: Option<SystemTime>,
    pub(super) origin: Origin,
}

/// How somebody proved who they are, in a form that says nothing to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Nobody is asked.
    Anybody,
    Token(TokenDigest),
    /// Signed with the key that has this fingerprint.
    Jwt([u8; 32]),
    Certificate(Arc<[String]>),
}

impl Apps {
    /// The apps with these names. `*` is all.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut these = HashSet::new();
        for name in names {
            if name == ALL_APPS {
                return Self::All;
            }
            these.insert(AppName::from(name));
        }
        Self::These(Arc::new(these))
    }

    /// Whether an app is among them.
    pub fn contains(&self, app: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(these) => these.iter().any(|name| name.as_str() == app),
        }
    }

    /// The only app, if these are one.
    pub fn only(&self) -> Option<&AppName> {
        match self {
            Self::These(these) if these.len() == 1 => these.iter().next(),
            _ => None,
        }
    }
}

impl Grant {
    /// What everybody has where no credentials are known: all.
    pub fn anybody() -> Self {
        Self {
            name: "anybody".into(),
            apps: Apps::All,
            is_admin: true,
            expires: None,
            origin: Origin::Anybody,
        }
    }

    /// Whether somebody showed a credential for it.
    pub fn is_proven(&self) -> bool {
        self.origin != Origin::Anybody
    }

    /// Completes when it has expired, by the system's clock.
    pub(super) async fn expired(&self) {
        let Some(expires) = self.expires else {
            return future::pending().await;
        };
        // Asked again and again, so that a system that slept or whose clock moved is right.
        while let Ok(left) = expires.duration_since(SystemTime::now()) {
            time::sleep(left.clamp(Duration::from_millis(1), WAIT_MAX)).await;
        }
    }
}
