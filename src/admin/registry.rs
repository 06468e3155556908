//! The metrics of all parts.

use prometheus_client::{encoding::text, metrics::info::Info, registry::Registry};

#[cfg(target_os = "linux")]
use super::process;

/// The metrics of all parts of this process.
#[derive(Debug)]
pub struct MetricsRegistry {
    /// With the prefix `headcount`.
    own: Registry,
    /// Of what the operating system knows of the process, by the names that all programs have for
    /// it. Other systems than Linux have no `/proc`.
    process: Registry,
}

impl MetricsRegistry {
    /// A registry with metrics of the program and of its process alone.
    pub fn new() -> Self {
        let mut own = Registry::with_prefix("headcount");
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        own.register("build", "Which version runs", Info::new(version));
        #[cfg_attr(
            not(target_os = "linux"),
            expect(unused_mut, reason = "there is no /proc")
        )]
        let mut process = Registry::default();
        #[cfg(target_os = "linux")]
        process.register_collector(Box::new(process::ProcessMetrics));
        Self { own, process }
    }

    /// Where a part of the service adds its metrics.
    pub fn registry_mut(&mut self) -> &mut Registry {
        &mut self.own
    }

    /// Every metric, in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut page = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode_registry(&mut page, &self.own);
        let _ = text::encode(&mut page, &self.process);
        page
    }
}

impl Default for MetricsRegistry {
    fn default() -> Self {
        Self::new()
    }
}
