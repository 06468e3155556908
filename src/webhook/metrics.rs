//! What the front counts.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::answers::Reason;
use crate::{
    domain::{Outcome, ProductName},
    net::ConnectionMetrics,
    providers::Offset,
};

/// What the front counts. Every counter exists from the start, at zero, once the
/// [product](Self::product) has been asked for, and is reached without a lock.
#[derive(Debug)]
pub struct WebhookMetrics {
    callbacks: Family<CallbackLabels, Counter>,
    untimely: Family<UntimelyLabels, Counter>,
    undecodables_dropped: Family<ProductLabels, Counter>,
    refusals: [Counter; Reason::ALL.len()],
    /// Requests whose heads could not be read, or did not arrive in time. They are no
    /// refusals: the HTTP library answers them, if they are answered at all.
    pub requests_malformed: Counter,
    /// Signatures that came back with other events.
    pub nonce_reuse: Counter,
    /// Bodies that were on their way and were given up to make room for others.
    pub bodies_displaced: Counter,
    /// The front's connections.
    pub connections: ConnectionMetrics,
}

/// What the front counts of one product.
#[derive(Clone, Debug)]
pub struct ProductMetrics {
    taken: [Counter; Outcome::ALL.len()],
    too_early: Counter,
    too_late: Counter,
    /// Undecodable callbacks that were answered and not kept.
    pub undecodables_dropped: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProductLabels {
    product: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UntimelyLabels {
    product: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallbackLabels {
    product: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    reason: &'static str,
}

impl WebhookMetrics {
    /// Adds the metrics to a registry.
    pub fn register(registry: &mut Registry) -> Self {
        let callbacks = Family::<CallbackLabels, Counter>::default();
        registry.register("callbacks", "Authentic callbacks taken", callbacks.clone());
        let untimely = Family::<UntimelyLabels, Counter>::default();
        registry.register(
            "callbacks_untimely",
            "Callbacks taken whose event is too long before (late) or after (early) their receipt to have an effect",
            untimely.clone(),
        );
        let undecodables_dropped = Family::<ProductLabels, Counter>::default();
        registry.register(
            "undecodables_dropped",
            "Undecodable callbacks that were taken and not kept, because those of the hour took too much",
            undecodables_dropped.clone(),
        );
        let refusals = Family::<RefusalLabels, Counter>::default();
        registry.register("refusals", "Requests refused", refusals.clone());

        let metrics = Self {
            callbacks,
            untimely,
            undecodables_dropped,
            refusals: Reason::ALL.map(|reason| {
                let reason = reason.code();
                refusals.get_or_create_owned(&RefusalLabels { reason })
            }),
            requests_malformed: Counter::default(),
            nonce_reuse: Counter::default(),
            bodies_displaced: Counter::default(),
            connections: ConnectionMetrics::register_http2(registry, "", "Webhook"),
        };
        registry.register(
            "requests_malformed",
            "Requests whose heads could not be read, or did not arrive in time",
            metrics.requests_malformed.clone(),
        );
        registry.register(
            "nonce_reuse",
            "Signatures that came back with other events",
            metrics.nonce_reuse.clone(),
        );
        registry.register(
            "bodies_displaced",
            "Bodies on their way that were given up because unread_bytes_max was reached",
            metrics.bodies_displaced.clone(),
        );
        metrics
    }

    /// What is counted of a product.
    pub fn product(&self, product: ProductName) -> ProductMetrics {
        let taken = Outcome::ALL.map(|outcome| {
            self.callbacks.get_or_create_owned(&CallbackLabels {
                product: product.as_str(),
                outcome: outcome.as_str(),
            })
        });
        let untimely = |reason| {
            self.untimely.get_or_create_owned(&UntimelyLabels {
                product: product.as_str(),
                reason,
            })
        };
        let undecodables_dropped = self
            .undecodables_dropped
            .get_or_create_owned(&ProductLabels {
                product: product.as_str(),
            });
        ProductMetrics {
            undecodables_dropped,
            taken,
            too_early: untimely("early"),
            too_late: untimely("late"),
        }
    }

    /// Requests refused for this reason.
    pub fn refused(&self, reason: Reason) -> &Counter {
        &self.refusals[reason as usize]
    }
}

impl ProductMetrics {
    /// Authentic callbacks that had this outcome.
    pub fn taken(&self, outcome: Outcome) -> &Counter {
        &self.taken[outcome as usize]
    }

    /// Callbacks that may have no effect, because their event is so far from their receipt.
    pub fn untimely(&self, off: Offset) -> &Counter {
        match off {
            Offset::Before(_) => &self.too_late,
            Offset::After(_) => &self.too_early,
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text;

    use super::*;

    #[test]
    fn every_metric_is_on_the_page_before_it_first_counts() {
        let mut registry = Registry::with_prefix("headcount");
        let metrics = WebhookMetrics::register(&mut registry);
        metrics.refused(Reason::NotReady).inc();
        metrics.product(ProductName::new("zego_room"));
        let mut page = String::new();
        text::encode(&mut page, &registry).unwrap();
        for line in [
            r#"headcount_callbacks_total{product="zego_room",outcome="accepted"} 0"#,
            r#"headcount_callbacks_total{product="zego_room",outcome="undecodable"} 0"#,
            r#"headcount_undecodables_dropped_total{product="zego_room"} 0"#,
            r#"headcount_refusals_total{reason="signature_stale"} 0"#,
            r#"headcount_refusals_total{reason="not_ready"} 1"#,
            "headcount_requests_malformed_total 0",
            "headcount_nonce_reuse_total 0",
            "headcount_bodies_displaced_total 0",
            "headcount_connections_refused_total 0",
            "headcount_connections_displaced_total 0",
            "headcount_connections_open 0",
            "headcount_connections_full_total 0",
            "headcount_connections_ended_total 0",
            "headcount_requests_cancelled_total 0",
        ] {
            assert!(
                page.lines().any(|found| found == line),
                "{line} is not in\n{page}"
            );
        }
    }
}
