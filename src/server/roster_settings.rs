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
    let Limits {
        feed,
        history_bytes_max,
        queried_bytes_max,
        ..
    } = Limits::default();
    let roster = &config.roster;
    Limits {
        feed: FeedLimits {
            changes_max: roster.history_changes_max,
            ..feed
        },
        history_age_max: roster.history_age_max.into(),
        history_bytes_max: roster
            .history_bytes_max
            .map_or(history_bytes_max, Size::as_usize),
        queried_bytes_max,
        capacity: CapacityLimits {
            users_max: roster.users_max,
            rooms_max: roster.rooms_max,
            sessions_per_user_max: roster.sessions_per_user_max,
            lives_per_room_max: roster.lives_per_room_max,
            bytes_max: roster.bytes_max.map_or(usize::MAX, Size::as_usize),
        },
    }
}
