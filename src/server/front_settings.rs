//! What configuration and memory say about the fronts.

use std::time::Duration;

use super::{descriptors::Connections, memory::MemoryLimits};
use crate::{
    config::{Config, GrpcConfig, Reflection, WebhookConfig},
    grpc::{GrpcSettings, ReflectionPolicy},
    webhook::WebhookSettings,
};

/// How long a callback waits for a service that is starting. Vendors wait for five seconds and
/// more; a callback that is refused takes one of the few times that they try.
const START_WAIT: Duration = Duration::from_secs(1);

/// The settings of the gRPC front.
pub(super) fn grpc(config: &GrpcConfig, memory: &MemoryLimits) -> GrpcSettings {
    GrpcSettings {
        streams_per_connection_max: config.streams_per_connection_max,
        idle_timeout: config.idle_timeout.into(),
        stall_timeout: config.stall_timeout.into(),
        unread_bytes_max: memory.unsent_bytes,
        reflection: match config.reflection {
            Reflection::Open => ReflectionPolicy::Open,
            Reflection::Authenticated => ReflectionPolicy::Authenticated,
            Reflection::Off => ReflectionPolicy::Off,
        },
    }
}

/// The settings of the webhook front, with so many connections, and so many bytes for undecodable
/// callbacks.
pub(super) fn webhook(
    config: &Config,
    memory: &MemoryLimits,
    connections_max: Connections,
    undecodable_bytes_max: u64,
) -> WebhookSettings {
    let WebhookConfig {
        listen: _,
        tls: _,
        insecure: _,
        allow: _,
        proxies: _,
        path_secret_file: _,
        requests_per_second_max: _,
        body_max,
        freshness_window,
        nonce_reuse,
        nonce_pairs_max: _,
        connections_max: _,
        connections_per_address_max,
        requests_max,
        header_read_timeout,
        body_read_timeout,
        body_rate_min,
        unread_bytes_max: _,
        idle_timeout,
    } = config.webhook;
    WebhookSettings {
        reorder_horizon: config.roster.reorder_horizon.into(),
        body_bytes_max: body_max.as_usize(),
        freshness_window: freshness_window.into(),
        nonce_reuse,
        nonce_pairs_max: memory.nonce_pairs,
        connections_max: connections_max.webhook,
        connections_per_address_max: connections_per_address_max
            .unwrap_or_else(|| connections_max.webhook_per_address()),
        requests_max,
        header_read_timeout: header_read_timeout.into(),
        body_read_timeout: body_read_timeout.into(),
        body_rate_min: body_rate_min.as_usize(),
        unread_bytes_max: memory.unread_bytes,
        idle_timeout: idle_timeout.into(),
        undecodable_bytes_max,
        start_wait: START_WAIT,
    }
}
