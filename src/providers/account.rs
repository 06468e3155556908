//! The configured apps, by the vendor's ids of them. Only their callbacks are taken.

use std::collections::HashMap;

use crate::domain::{AppName, Logins, Secrets};

/// What a vendor calls an app, and how the vendor signs its callbacks.
#[derive(Clone, Debug)]
pub struct Account {
    /// The vendor's name.
    pub vendor: &'static str,
    /// The vendor's id of the app. A number is in its shortest form.
    pub id: Box<str>,
    /// The key of the id in the app's configuration, such as `zego.app_id`.
    pub id_key: &'static str,
    /// How its callbacks are signed.
    pub signing: Signing,
    /// How several sessions of one of the app's users count, outside of rooms.
    pub logins: Logins,
}

/// How a vendor signs an app's callbacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signing {
    /// With one of the secrets that both sides know.
    Secrets(Secrets),
    /// Not at all: callbacks of any sender that knows the address and the app's id are taken.
    /// Only vendors that leave signing to the app have this.
    Unsigned,
}

/// The configured apps of one vendor, by the vendor's ids of them.
#[derive(Debug, Default)]
pub struct Accounts(HashMap<Box<str>, ConfiguredApp>);

/// An app that is configured, and how its callbacks are verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredApp {
    /// The name of the app in the configuration.
    pub app: AppName,
    /// How its callbacks are signed.
    pub signing: Signing,
}

impl Accounts {
    /// The apps of the vendor of that name, among the accounts of all. Of two with one id the last
    /// is kept.
    pub fn of<'a>(
        vendor: &str,
        accounts: impl IntoIterator<Item = (&'a AppName, &'a Account)>,
    ) -> Self {
        let all = accounts.into_iter();
        let own = all.filter(|(_, account)| account.vendor == vendor);
        let apps = own.map(|(app, account)| {
            let configured = ConfiguredApp {
                app: app.clone(),
                signing: account.signing.clone(),
            };
            (account.id.clone(), configured)
        });
        Self(apps.collect())
    }

    /// The app that the vendor calls `id`.
    pub fn get(&self, id: &str) -> Option<&ConfiguredApp> {
        self.0.get(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn accounts_are_found_by_the_vendors_own_ids() {
        let account = |vendor, secret: &str| Account {
            vendor,
            id: "7".into(),
            id_key: "",
            signing: Signing::Secrets(secret.into()),
            logins: Logins::Concurrent,
        };
        // The ids of two vendors may be alike.
        let accounts = [
            ("arena".into(), account("zego", "hunter2")),
            ("meet".into(), account("tencent", "hunter3")),
        ];
        let accounts = accounts.iter().map(|(app, account)| (app, account));
        let zego = Accounts::of("zego", accounts);
        assert_eq!(zego.get("7").unwrap().app.as_str(), "arena");
        assert_eq!(zego.get("8"), None);
        let printed = format!("{zego:?}");
        assert!(
            printed.contains("arena") && !printed.contains("hunter"),
            "{printed}"
        );
    }
}
