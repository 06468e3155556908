//! What a configuration says about the roster. `headcount journal` uses it as well, to make a
//! roster as a server would.

use crate::{
    config::{Config, Size},
    domain::{AppName, Logins},
    reconcile::Rules,
    roster::{CapacityLimits, FeedLimits, Limits},
};

/// The rules of reconciliation that a configuration asks for.
pub fn rules(config: &Config) -> Rules {
    Rules {
        reorder_horizon: config.roster.reorder_horizon.into(),
        empty_room_ttl: config.roster.empty_room_ttl.into(),
        ..Rules::default()
    }
}

/// The apps of a configuration, each with how its users log in.
pub(crate) fn apps(config: &Config) -> impl Iterator<Item = (AppName, Logins)> {
    let apps = config.apps.iter();
    apps.map(|app| (AppName::from(&*app.name), app.account.logins))
}

/// What a configuration lets the roster hold.
pub(crate) fn limits(config: &Config) -> Limits {
    let Limits { feed, .. } = Limits::default();
    Limits {
        feed: FeedLimits {
            changes_max: config.roster.history_changes_max,
            ..feed
        },
        history_age_max: config.roster.history_age_max.into(),
        history_bytes_max: config.roster.history_bytes_max.as_usize(),
        capacity: CapacityLimits {
            users_max: config.roster.users_max,
            rooms_max: config.roster.rooms_max,
            sessions_per_user_max: config.roster.sessions_per_user_max,
            lives_per_room_max: config.roster.lives_per_room_max,
            bytes_max: config.roster.bytes_max.map_or(usize::MAX, Size::as_usize),
        },
    }
}
