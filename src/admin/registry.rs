//! The metrics of this process.

use prometheus_client::{encoding::text, registry::Registry};

/// The metrics of all parts of this process, with the prefix `headcount`.
#[derive(Debug)]
pub struct MetricsRegistry(Registry);

impl MetricsRegistry {
    /// A registry without metrics.
    pub fn new() -> Self {
        Self(Registry::with_prefix("headcount"))
    }

    /// Where a part of the service adds its metrics.
    pub fn registry_mut(&mut self) -> &mut Registry {
        &mut self.0
    }

    /// Every metric, in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut page = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut page, &self.0);
        page
    }
}

impl Default for MetricsRegistry {
    fn default() -> Self {
        Self::new()
    }
}
