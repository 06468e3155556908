//! The gRPC front: the service, the standard health service and reflection.

mod answers;
mod beat;
mod burst;
mod connection;
mod convert;
mod drain;
mod front;
mod listing;
mod metrics;
mod outgoing;
mod pace;
mod page;
mod request;
mod rooms;
mod service;
mod silence;
mod stream;
mod token;
mod users;

use std::{error::Error, io, time::Duration};

use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};
use tonic_reflection::server::Builder;
use tower::util::{MapRequestLayer, MapResponseLayer};

use crate::pb::{FILE_DESCRIPTOR_SET, presence_service_server::SERVICE_NAME};

use self::{
    drain::{end_on_drain, hear_until_drain},
    front::PresenceFront,
};

pub use self::{
    connection::{Connection, accept},
    metrics::GrpcMetrics,
    service::Presence,
};

/// A silent connection is asked for a sign of life this often, and closed if it
/// gives none in time: a watcher that vanished must not be kept.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// All names and values of one request's headers.
const HEADER_LIST_BYTES_MAX: u32 = 16 * 1024;

/// The name under which health says whether callbacks can be made durable.
/// `NOT_SERVING` while they are refused; queries and watches go on meanwhile.
pub const JOURNAL_HEALTH: &str = "headcount.journal";

/// Tells the health service what to answer.
#[derive(Clone, Debug)]
pub struct Health(HealthReporter);

impl Health {
    /// Answers `NOT_SERVING`. A reporter of its own would answer `SERVING` for
    /// the server as a whole before anybody said so.
    pub async fn new() -> Self {
        let health = Self(HealthReporter::new());
        health.set_serving(false).await;
        health.set_writable(false).await;
        health
    }

    /// Answers `SERVING` or `NOT_SERVING` from now on, for [`JOURNAL_HEALTH`].
    pub async fn set_writable(&self, writable: bool) {
        let status = status(writable);
        self.0.set_service_status(JOURNAL_HEALTH, status).await;
    }

    /// Answers `SERVING` or `NOT_SERVING` from now on, for the service and for
    /// the server as a whole.
    pub async fn set_serving(&self, serving: bool) {
        let status = status(serving);
        let Self(reporter) = self;
        reporter.set_service_status("", status).await;
        reporter.set_service_status(SERVICE_NAME, status).await;
    }
}

fn status(serving: bool) -> ServingStatus {
    if serving {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}

/// Serves on `connections` until `drain` is cancelled; then streams end with
/// `UNAVAILABLE`, and this returns once every call has ended.
///
/// # Errors
/// When the descriptors cannot be served or the transport fails.
pub async fn serve<IO>(
    connections: impl Stream<Item = io::Result<Connection<IO>>>,
    presence: Presence,
    health: Health,
    streams_per_connection_max: u32,
    drain: CancellationToken,
) -> Result<(), Box<dyn Error + Send + Sync>>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let reflection = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let Health(reporter) = health;
    let (drained, heard) = (drain.clone(), drain.clone());
    Server::builder()
        .max_concurrent_streams(streams_per_connection_max)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .http2_max_header_list_size(HEADER_LIST_BYTES_MAX)
        .layer(MapRequestLayer::new(move |request| {
            hear_until_drain(request, &heard)
        }))
        .layer(MapResponseLayer::new(move |response| {
            end_on_drain(response, &drain)
        }))
        .add_service(PresenceFront::new(presence))
        .add_service(HealthServer::new(HealthService::from_health_reporter(
            reporter,
        )))
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .serve_with_incoming_shutdown(connections, drained.cancelled_owned())
        .await?;
    Ok(())
}
