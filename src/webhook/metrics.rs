//! What the front counts.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::answers::Reason;
use crate::{
    domain::{Histogram, Outcome, ProductName, Times},
    net::ConnectionMetrics,
    providers::{EventTime, Offset},
};

/// The bounds of lateness, in seconds: from a vendor that sends at once to one that sends what it
/// kept for a day.
const LATENESS: &[f64] = &[
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0,
];

/// What the front counts. Every counter exists from the start, at zero, once the
/// [product](Self::product) has been asked for, and is reached without a lock.
#[derive(Debug)]
pub struct WebhookMetrics {
    callbacks: Family<CallbackLabels, Counter>,
    untimely: Family<UntimelyLabels, Counter>,
    undecodables_dropped: Family<ProductLabels, Counter>,
    answer_times: Family<ProductLabels, Histogram>,
    lateness: Family<ProductLabels, Histogram, fn() -> Histogram>,
    refusals: [Counter; Reason::ALL.len()],
    /// Requests whose heads could not be read, or did not arrive in time. They are no
    /// refusals: the HTTP library answers them, if they are answered at all.
    pub requests_malformed: Counter,
    /// Signatures that came back with other events.
    pub nonce_reuse: Counter,
    /// Bodies that were on their way and were given up to make room for others.
    pub bodies_displaced: Counter,
    /// Addresses whose rate was forgotten while they could not send all that they may.
    pub rates_forgotten: Counter,
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
    /// How long callbacks took whose bodies had arrived, from the request to the answer.
    pub answer_time: Histogram,
    lateness: Histogram,
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
        let answer_times = Family::<ProductLabels, Histogram>::default();
        registry.register(
            "callback_seconds",
            "From the request of a callback to its answer, whatever it is, if the body arrived",
            answer_times.clone(),
        );
        let lateness = Family::new_with_constructor((|| Histogram::new(LATENESS)) as fn() -> _);
        registry.register(
            "callback_lateness_seconds",
            "From an event to the receipt of its callback, if it was decoded and says when; 0 if it was in the future",
            lateness.clone(),
        );
        let refusals = Family::<RefusalLabels, Counter>::default();
        registry.register("refusals", "Requests refused", refusals.clone());

        let metrics = Self {
            callbacks,
            untimely,
            undecodables_dropped,
            answer_times,
            lateness,
            refusals: Reason::ALL.map(|reason| {
                let reason = reason.code();
                refusals.get_or_create_owned(&RefusalLabels { reason })
            }),
            requests_malformed: Counter::default(),
            nonce_reuse: Counter::default(),
            bodies_displaced: Counter::default(),
            rates_forgotten: Counter::default(),
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
        registry.register(
            "rates_forgotten",
            "Addresses whose requests were not counted any more because too many others sent some",
            metrics.rates_forgotten.clone(),
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
        let labels = ProductLabels {
            product: product.as_str(),
        };
        ProductMetrics {
            undecodables_dropped: self.undecodables_dropped.get_or_create_owned(&labels),
            answer_time: self.answer_times.get_or_create_owned(&labels),
            lateness: self.lateness.get_or_create_owned(&labels),
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

    /// Notes how long after its event a callback was received.
    pub fn note_lateness(&self, event: &EventTime, times: &Times) {
        self.lateness.observe(times.received_at().since(event.at));
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
    use crate::domain::Time;

    #[test]
    fn lateness_is_by_the_time_of_receipt_and_never_below_zero() {
        let mut registry = Registry::default();
        let product = WebhookMetrics::register(&mut registry).product(ProductName::new("p"));
        let time = |seconds: u64| Time::from_millis(seconds * 1_000).unwrap();
        // A clock of this machine that is an hour ahead: received is a minute after the vendors' time.
        let times = Times {
            own: time(10_000),
            vendors: Some(time(6_400)),
            is_certain: false,
        };
        for at in [6_450, 6_460, 7_000] {
            let at = time(at);
            product.note_lateness(&EventTime { field: "at", at }, &times);
        }
        let mut page = String::new();
        text::encode(&mut page, &registry).unwrap();
        for line in [
            r#"callback_lateness_seconds_sum{product="p"} 10.0"#,
            r#"callback_lateness_seconds_bucket{le="0.1",product="p"} 2"#,
            r#"callback_lateness_seconds_bucket{le="10.0",product="p"} 3"#,
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
    }

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
            "headcount_rates_forgotten_total 0",
            r#"headcount_refusals_total{reason="rate_limited"} 0"#,
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
