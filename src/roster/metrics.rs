//! What the roster counts, for operators.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::{
    domain::AppName,
    roster::{Limit, size::SizeGauges},
};

/// What the roster counts, for operators.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Events too far from their receipt to be applied.
    pub events_stale: Counter,
    /// Entries whose changes were forgotten before their time, to stay within the limit of
    /// bytes.
    pub history_evictions: Counter,
    rooms: Family<AppLabels, Gauge>,
    users: Family<AppLabels, Gauge>,
    bytes: Gauge,
    bytes_max: Gauge,
    limits_reached: Family<LimitLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AppLabels {
    app: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    limit: &'static str,
}

impl Metrics {
    /// Registers all metrics. The counters begin at zero.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "events_stale",
            "Events too far from their receipt to be applied",
            self.events_stale.clone(),
        );
        registry.register(
            "history_evictions",
            "Updates forgotten before their time to stay within history_bytes_max",
            self.history_evictions.clone(),
        );
        registry.register(
            "rooms",
            "Rooms of which something is known",
            self.rooms.clone(),
        );
        registry.register(
            "users",
            "Users of whom something is known, in each life of a room and by themselves",
            self.users.clone(),
        );
        registry.register(
            "roster_bytes",
            "What all rooms and users take, by an account of what there is",
            self.bytes.clone(),
        );
        registry.register(
            "roster_bytes_max",
            "The most that they may take: roster.bytes_max, or what follows from the memory that there is",
            self.bytes_max.clone(),
        );
        registry.register(
            "limits_reached",
            "Callbacks refused because they would exceed a limit on what the roster holds",
            self.limits_reached.clone(),
        );
        for limit in Limit::ALL {
            self.limit_reached(limit);
        }
    }

    /// Callbacks refused because of a limit.
    pub fn limit_reached(&self, limit: Limit) -> Counter {
        let limit = limit.key();
        let labels = LimitLabels { limit };
        self.limits_reached.get_or_create_owned(&labels)
    }

    /// The gauges of an app.
    pub(crate) fn size(&self, app: &AppName) -> SizeGauges {
        let labels = AppLabels {
            app: app.as_str().to_owned(),
        };
        SizeGauges {
            rooms: self.rooms.get_or_create_owned(&labels),
            users: self.users.get_or_create_owned(&labels),
            bytes: self.bytes.clone(),
        }
    }

    pub(crate) fn set_bytes_max(&self, bytes_max: usize) {
        self.bytes_max
            .set(i64::try_from(bytes_max).unwrap_or(i64::MAX));
    }
}
