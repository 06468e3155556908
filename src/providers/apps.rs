//! Whose callbacks are taken: the configured apps, by the vendors' ids of them.

use std::{collections::HashMap, fmt};

use crate::{config::AppConfig, domain::AppName};

/// A vendor. Its products share the ids and the secrets of its apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vendor {
    /// ZEGOCLOUD.
    Zego,
    /// Tencent.
    Tencent,
}

/// How a vendor signs an app's callbacks.
#[derive(Clone, PartialEq, Eq)]
pub enum Signing {
    /// With a secret that both sides know. An empty one verifies nothing:
    /// everybody could sign with it.
    Secret(Box<str>),
    /// Not at all: whoever knows the address and the app's id is believed. Only
    /// vendors that leave signing to the app have this.
    Unsigned,
}

/// What a vendor calls an app, and how the vendor signs its callbacks.
#[derive(Debug)]
pub struct Account {
    /// The vendor.
    pub vendor: Vendor,
    /// The vendor's id of the app.
    pub app_id: u64,
    /// The name of the app in the configuration.
    pub app: AppName,
    /// How its callbacks are signed.
    pub signing: Signing,
}

/// The configured apps, by the vendors' ids of them.
#[derive(Debug, Default)]
pub struct Apps {
    by_id: HashMap<(Vendor, u64), Account>,
}

// === impl Signing ===

// Not derived: a secret is not printed.
impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret(***)",
            Self::Unsigned => "Unsigned",
        })
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
                // Without one, nothing verifies.
                signing: Signing::Secret(secret.map_or("", |secret| secret.expose()).into()),
            })
        });
        let tencent = apps.iter().filter_map(|app| {
            let tencent = app.tencent.as_ref()?;
            let token = tencent.callback_token.as_ref();
            Some(Account {
                vendor: Vendor::Tencent,
                app_id: tencent.sdk_app_id,
                app: app.name.as_str().into(),
                signing: token.map_or(Signing::Unsigned, |token| {
                    Signing::Secret(token.expose().into())
                }),
            })
        });
        zego.chain(tencent).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn configured_apps_are_found_by_the_vendors_id() {
        let apps = Apps::from(&*Config::dev().apps);
        let zego = apps.get(Vendor::Zego, 1).unwrap();
        assert_eq!(zego.app.as_str(), "demo");
        assert_eq!(zego.signing, Signing::Secret("secret".into()));
        let tencent = apps.get(Vendor::Tencent, 1_400_000_000).unwrap();
        assert_eq!(tencent.app.as_str(), "demo-tencent");
        assert_eq!(tencent.signing, Signing::Unsigned);
        // An id is one vendor's.
        assert!(apps.get(Vendor::Tencent, 1).is_none());
    }

    #[test]
    fn only_a_tencent_app_without_a_token_is_unsigned() {
        let mut config = Config::dev();
        config.apps[0].zego.as_mut().unwrap().callback_secret = None;
        config.apps[1].tencent.as_mut().unwrap().callback_token = Some("token".into());
        let apps = Apps::from(&*config.apps);
        let signing = |vendor, id| &apps.get(vendor, id).unwrap().signing;
        assert_eq!(signing(Vendor::Zego, 1), &Signing::Secret("".into()));
        assert_eq!(
            signing(Vendor::Tencent, 1_400_000_000),
            &Signing::Secret("token".into())
        );
    }

    #[test]
    fn secrets_are_not_printed() {
        let apps: Apps = [Account {
            vendor: Vendor::Zego,
            app_id: 7,
            app: "arena".into(),
            signing: Signing::Secret("hunter2".into()),
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
