//! What listens: the webhook front, gRPC, and metrics.

use std::{fmt, sync::Arc};

use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::Ended;
use crate::{
    admin::{self, Metrics},
    config::GrpcConfig,
    grpc::{self, Health, Presence},
    webhook::{self, Front},
};

/// The fronts, listening but not answering yet.
#[derive(Debug)]
pub(super) struct Fronts {
    pub(super) webhook: (TcpListener, Arc<Front>),
    pub(super) grpc: (TcpListener, Presence, GrpcConfig),
    pub(super) telemetry: Option<TcpListener>,
    pub(super) metrics: Arc<Metrics>,
}

/// Where what is served, for the log.
pub(super) struct Addresses(Vec<(&'static str, String)>);

impl Fronts {
    pub(super) fn addresses(&self) -> Addresses {
        let listeners = [
            ("callbacks", Some(&self.webhook.0)),
            ("gRPC", Some(&self.grpc.0)),
            ("metrics", self.telemetry.as_ref()),
        ];
        let addresses = listeners.into_iter().filter_map(|(what, listener)| {
            let address = listener?.local_addr().ok()?;
            Some((what, address.to_string()))
        });
        Addresses(addresses.collect())
    }

    /// Answers until `drain` is cancelled.
    pub(super) fn spawn(
        self,
        parts: &mut JoinSet<Ended>,
        health: &Health,
        drain: &CancellationToken,
    ) {
        let Self {
            webhook: (webhook_listener, front),
            grpc: (grpc_listener, presence, grpc_config),
            telemetry,
            metrics,
        } = self;
        let (health, drained) = (health.clone(), drain.clone());
        let grpc_metrics = metrics.grpc.clone();
        parts.spawn(async move {
            let connections_max = grpc_config.connections_max;
            let connections = grpc::accept(grpc_listener, connections_max, grpc_metrics);
            let streams_max = grpc_config.streams_per_connection_max;
            (
                "gRPC",
                grpc::serve(connections, presence, health, streams_max, drained).await,
            )
        });
        let drained = drain.clone();
        parts.spawn(async move {
            webhook::serve(webhook_listener, front, drained).await;
            ("the webhook front", Ok(()))
        });
        if let Some(listener) = telemetry {
            let drained = drain.clone();
            parts.spawn(async move {
                admin::serve(listener, metrics, drained).await;
                ("metrics", Ok(()))
            });
        }
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (what, address)) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}{what} on {address}")?;
        }
        Ok(())
    }
}
