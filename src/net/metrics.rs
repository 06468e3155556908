//! What the connections of a front are counted by.

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

/// Counts the connections of one front, and what one client can do to others.
#[derive(Clone, Debug, Default)]
pub struct ConnectionMetrics {
    /// Connections open now.
    pub open: Gauge,
    /// Connections closed because too many were open.
    pub refused: Counter,
    /// Connections that proved nothing and were closed to make room for others.
    pub displaced: Counter,
    /// Connections closed because their TLS handshake failed or took too long.
    pub handshakes_failed: Counter,
    /// Connections that once had all of their streams in use.
    pub full: Counter,
    /// Connections ended because their clients cancelled too many requests.
    pub ended: Counter,
    /// Requests that their clients cancelled before they were answered.
    pub requests_cancelled: Counter,
    /// Streams ended because their clients took nothing of what they had to send.
    pub streams_stalled: Counter,
    /// Reads that waited because requests came faster than they were begun.
    pub reads_deferred: Counter,
}

impl ConnectionMetrics {
    /// Registers how many connections of `front` are open and were refused. The names begin with
    /// `prefix`.
    pub fn register(registry: &mut Registry, prefix: &str, front: &str) -> Self {
        let metrics = Self::default();
        registry.register(
            format!("{prefix}connections_open"),
            format!("{front} connections open now"),
            metrics.open.clone(),
        );
        registry.register(
            format!("{prefix}connections_refused"),
            format!("{front} connections turned away because there were too many"),
            metrics.refused.clone(),
        );
        registry.register(
            format!("{prefix}connections_displaced"),
            format!("{front} connections that proved nothing and were closed to make room"),
            metrics.displaced.clone(),
        );
        registry.register(
            format!("{prefix}handshakes_failed"),
            format!("{front} connections whose TLS handshake failed or took too long"),
            metrics.handshakes_failed.clone(),
        );
        metrics
    }

    /// Registers the same, and what is counted of connections that have several requests at a
    /// time.
    pub fn register_http2(registry: &mut Registry, prefix: &str, front: &str) -> Self {
        let metrics = Self::register(registry, prefix, front);
        registry.register(
            format!("{prefix}connections_full"),
            format!("{front} connections that once had all of their streams in use"),
            metrics.full.clone(),
        );
        registry.register(
            format!("{prefix}connections_ended"),
            format!("{front} connections ended because their clients cancelled too many requests"),
            metrics.ended.clone(),
        );
        registry.register(
            format!("{prefix}requests_cancelled"),
            format!("{front} requests that their clients cancelled before they were answered"),
            metrics.requests_cancelled.clone(),
        );
        registry.register(
            format!("{prefix}streams_stalled"),
            format!("{front} streams ended because their clients did not read"),
            metrics.streams_stalled.clone(),
        );
        registry.register(
            format!("{prefix}reads_deferred"),
            format!("Times that a {front} connection was not read because too many requests waited to be begun"),
            metrics.reads_deferred.clone(),
        );
        metrics
    }
}
