//! What operators can see: the metrics of all parts, in one place.
//!
//! No part knows this module's registry, and there is no global one: each part
//! has a struct of its metrics that registers itself, and a field here.

mod http;

use prometheus_client::{encoding::text, registry::Registry};

use crate::{grpc::GrpcMetrics, webhook::WebhookMetrics};

pub use self::http::serve;

/// The metrics of this process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// The HTTP front's.
    pub webhook: WebhookMetrics,
    /// The gRPC front's.
    pub grpc: GrpcMetrics,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("headcount");
        Self {
            webhook: WebhookMetrics::register(&mut registry),
            grpc: GrpcMetrics::register(&mut registry),
            registry,
        }
    }

    /// Where another part adds its metrics.
    pub fn registry_mut(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// Every metric, in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut page = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut page, &self.registry);
        page
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{providers::Product, webhook::Reason};

    #[test]
    fn every_metric_is_on_the_page_before_it_first_counts() {
        let metrics = Metrics::new();
        metrics.webhook.refused(Reason::NotReady).inc();
        let page = metrics.encode();
        for line in [
            r#"headcount_callbacks_total{product="zego_room",outcome="accepted"} 0"#,
            r#"headcount_callbacks_total{product="zego_room",outcome="undecodable"} 0"#,
            r#"headcount_refusals_total{reason="signature_stale"} 0"#,
            r#"headcount_refusals_total{reason="not_ready"} 1"#,
            "headcount_nonce_reuse_total 0",
            "headcount_connections_refused_total 0",
            "headcount_connections_open 0",
        ] {
            assert!(
                page.lines().any(|found| found == line),
                "{line} is not in\n{page}"
            );
        }
        assert_eq!(Product::ZegoRoom.as_str(), "zego_room");
    }
}
