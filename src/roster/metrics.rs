//! What the roster counts, for operators.

use prometheus_client::{metrics::counter::Counter, registry::Registry};

/// What the roster counts, for operators.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Events too far from their receipt to be applied.
    pub events_stale: Counter,
    /// Entries whose changes were forgotten before their time, to stay within the limit of
    /// bytes.
    pub history_evictions: Counter,
}

impl Metrics {
    /// Registers all counters.
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
    }
}
