//! What the roster counts, for operators.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::{
    domain::{AppName, ProductName},
    roster::{CapacityLimits, Limit, size::SizeGauges},
};

/// What the roster counts, for operators.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Events too far from their receipt to be applied.
    pub events_stale: Counter,
    /// Entries whose changes were forgotten before their time, to stay within the limit of
    /// bytes.
    pub history_evictions: Counter,
    /// Users who were kept because they were queried, and forgotten before their time.
    pub queried_users_forgotten: Counter,
    out_of_order: Family<ProductLabels, Counter>,
    rooms: Family<AppLabels, Gauge>,
    users: Family<AppLabels, Gauge>,
    missing_callbacks: Family<AppLabels, Gauge>,
    rooms_max: Gauge,
    users_max: Gauge,
    bytes: Gauge,
    bytes_max: Gauge,
    limits_reached: Family<LimitLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AppLabels {
    app: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProductLabels {
    product: &'static str,
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
            "queried_users_forgotten",
            "Users who were asked about and forgotten before their time, because there were too many",
            self.queried_users_forgotten.clone(),
        );
        registry.register(
            "callbacks_out_of_order",
            "Callbacks applied after a later event of the same life of a room, or of the same session of a device",
            self.out_of_order.clone(),
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
            "missing_callbacks",
            "Callbacks that did not come, by the holes in the numbers of the lives of rooms of which something is known",
            self.missing_callbacks.clone(),
        );
        registry.register(
            "roster_rooms_max",
            "The most rooms that there may be: roster.rooms_max",
            self.rooms_max.clone(),
        );
        registry.register(
            "roster_users_max",
            "The most users that there may be: roster.users_max",
            self.users_max.clone(),
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

    /// Lets the counters of these products begin at zero.
    pub fn begin_products(&self, products: impl Iterator<Item = ProductName>) {
        products.for_each(|product| drop(self.out_of_order(product)));
    }

    /// Callbacks of a product that were applied after a later event of what they are about.
    pub fn out_of_order(&self, product: ProductName) -> Counter {
        let product = product.as_str();
        let labels = ProductLabels { product };
        self.out_of_order.get_or_create_owned(&labels)
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
            missing_callbacks: self.missing_callbacks.get_or_create_owned(&labels),
            bytes: self.bytes.clone(),
        }
    }

    pub(crate) fn set_limits(&self, limits: &CapacityLimits) {
        for (gauge, max) in [
            (&self.rooms_max, limits.rooms_max),
            (&self.users_max, limits.users_max),
            (&self.bytes_max, limits.bytes_max),
        ] {
            gauge.set(i64::try_from(max).unwrap_or(i64::MAX));
        }
    }
}
