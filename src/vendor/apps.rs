//! Whose callbacks are taken: the configured apps, by the vendors' ids of them.

use std::{collections::HashMap, fmt};

use crate::{config::AppConfig, event::AppName};

/// A vendor. Its products share the ids and the secrets of its apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vendor {
    /// ZEGOCLOUD.
    Zego,
}

/// What a vendor calls an app, and what the vendor signs its callbacks with.
pub struct Account {
    /// The vendor.
    pub vendor: Vendor,
    /// The vendor's id of the app.
    pub app_id: u64,
    /// The name of the app in the configuration.
    pub app: AppName,
    /// The shared secret; empty if there is none.
    pub secret: Box<str>,
}

/// The configured apps, by the vendors' ids of them.
#[derive(Debug, Default)]
pub struct Apps {
    by_id: HashMap<(Vendor, u64), Account>,
}

// === impl Account ===

// Not derived: a secret is not printed.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("vendor", &self.vendor)
            .field("app_id", &self.app_id)
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}

// === impl Apps ===

impl Apps {
    /// The account that a vendor calls `app_id`.
    pub fn get(&self, vendor: Vendor, app_id: u64) -> Option<&Account> {
        self.by_id.get(&(vendor, app_id))
    }
}

impl FromIterator<Account> for Apps {
    /// Of two accounts with one id the last is kept.
    fn from_iter<T: IntoIterator<Item = Account>>(accounts: T) -> Self {
        let keyed = accounts
            .into_iter()
            .map(|account| ((account.vendor, account.app_id), account));
        Self {
            by_id: keyed.collect(),
        }
    }
}

impl From<&[AppConfig]> for Apps {
    /// Secrets that are in files have been read by now.
    fn from(apps: &[AppConfig]) -> Self {
        let zego = apps.iter().filter_map(|app| {
            let zego = app.zego.as_ref()?;
            let secret = zego.callback_secret.as_ref();
            Some(Account {
                vendor: Vendor::Zego,
                app_id: zego.app_id,
                app: app.name.as_str().into(),
                secret: secret.map_or("", |secret| secret.expose()).into(),
            })
        });
        zego.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn configured_apps_are_found_by_the_vendors_id() {
        let apps = Apps::from(&*Config::dev().apps);
        let account = apps.get(Vendor::Zego, 1).unwrap();
        assert_eq!((account.app.as_str(), &*account.secret), ("demo", "secret"));
    }

    #[test]
    fn secrets_are_not_printed() {
        let apps: Apps = [Account {
            vendor: Vendor::Zego,
            app_id: 7,
            app: "arena".into(),
            secret: "hunter2".into(),
        }]
        .into_iter()
        .collect();
        let printed = format!("{apps:?}");
        assert!(
            printed.contains("arena") && !printed.contains("hunter2"),
            "{printed}"
        );
        assert!(apps.get(Vendor::Zego, 7).is_some() && apps.get(Vendor::Zego, 8).is_none());
    }
}
