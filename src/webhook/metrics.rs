//! What the front counts.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::Reason;
use crate::providers::{Outcome, PRODUCTS, Product};

/// What the front counts. Every counter is there from the start, at zero, and
/// is found without a lock.
#[derive(Debug)]
pub struct WebhookMetrics {
    callbacks: [[Counter; Outcome::ALL.len()]; PRODUCTS.len()],
    refusals: [Counter; Reason::ALL.len()],
    /// Requests whose heads could not be read, or did not arrive in time. They
    /// are no refusals: the answer, if there is one, is the library's.
    pub requests_malformed: Counter,
    /// Signatures that came back with other events.
    pub nonce_reuse: Counter,
    /// Connections turned away because there were too many.
    pub connections_refused: Counter,
    /// Connections open now.
    pub connections_open: Gauge,
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
    /// Adds them to a registry.
    pub fn register(registry: &mut Registry) -> Self {
        let callbacks = Family::<CallbackLabels, Counter>::default();
        registry.register("callbacks", "Authentic callbacks taken", callbacks.clone());
        let refusals = Family::<RefusalLabels, Counter>::default();
        registry.register("refusals", "Requests refused", refusals.clone());

        let metrics = Self {
            callbacks: PRODUCTS.map(|adapter| {
                Outcome::ALL.map(|outcome| {
                    callbacks.get_or_create_owned(&CallbackLabels {
                        product: adapter.product.as_str(),
                        outcome: outcome.as_str(),
                    })
                })
            }),
            refusals: Reason::ALL.map(|reason| {
                let reason = reason.code();
                refusals.get_or_create_owned(&RefusalLabels { reason })
            }),
            requests_malformed: Counter::default(),
            nonce_reuse: Counter::default(),
            connections_refused: Counter::default(),
            connections_open: Gauge::default(),
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
            "connections_refused",
            "Webhook connections turned away because there were too many",
            metrics.connections_refused.clone(),
        );
        registry.register(
            "connections_open",
            "Webhook connections open now",
            metrics.connections_open.clone(),
        );
        metrics
    }

    /// Authentic callbacks of a product that had this outcome.
    pub fn callbacks(&self, product: Product, outcome: Outcome) -> &Counter {
        &self.callbacks[product as usize][outcome as usize]
    }

    /// Requests refused for this reason.
    pub fn refused(&self, reason: Reason) -> &Counter {
        &self.refusals[reason as usize]
    }
}
