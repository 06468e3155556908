//! Serves all gRPC services on a stream of connections.

use std::{convert::Infallible, error::Error, sync::Arc, time::Duration};

use futures_util::stream::{Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::Builder;
use tower::{
    layer::layer_fn,
    util::{MapRequestLayer, MapResponseLayer},
};

use crate::{
    net::{Connection, PENDING_RESETS_MAX},
    pb::FILE_DESCRIPTOR_SET,
};

use super::{
    account::GrpcAccounts,
    body::{InPieces, restore_body},
    connection::transport,
    counted::CountedRequests,
    health::Health,
    service::{Presence, generated::presence_service_server::PresenceServiceServer},
    stream::drain::{end_request_on_drain, end_response_on_drain},
};

/// How often a connection without traffic is pinged. The connection of a client that vanished
/// is closed, because the client does not answer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);

/// How long the answer to a ping may take.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// The most bytes that the names and values of one request's headers take together.
const HEADER_LIST_BYTES_MAX: u32 = 16 * 1024;

/// How many streams of one connection the server may reset because of what the client sends on
/// them, for as long as the connection lasts. A client that keeps to HTTP/2 causes none but by
/// rare races. Each waits in memory until the client reads it. (h2 has the same default, which
/// tonic takes away.)
const FAULTY_STREAMS_MAX: usize = 1024;

/// What one connection may have.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Calls and watches at a time.
    pub streams_max: u32,
    /// How long it may be open without any.
    pub idle_timeout: Duration,
}

/// Serves on `connections` until `drain` is cancelled. Then streams end with
/// `UNAVAILABLE`, and this returns as soon as every call has ended.
///
/// # Errors
/// When the descriptors cannot be served or the transport fails.
pub async fn serve<IO>(
    connections: impl Stream<Item = Connection<IO>>,
    presence: Presence,
    health: Health,
    limits: ConnectionLimits,
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
    let metrics = presence.metrics().clone();
    let accounts = Arc::new(GrpcAccounts::new(limits.streams_max, metrics));
    let transports = connections.map(|connection| {
        let account = accounts.open(connection.caller());
        Ok::<_, Infallible>(transport(connection, account, limits.idle_timeout))
    });
    let (of_requests, of_responses) = (drain.clone(), drain.clone());
    Server::builder()
        .max_concurrent_streams(limits.streams_max)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .http2_max_header_list_size(HEADER_LIST_BYTES_MAX)
        // What a client may cancel is bounded by its connection's account.
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS_MAX))
        .http2_max_local_error_reset_streams(Some(FAULTY_STREAMS_MAX))
        .layer(layer_fn(CountedRequests))
        .layer(MapRequestLayer::new(move |request| {
            end_request_on_drain(request, &of_requests)
        }))
        .layer(MapResponseLayer::new(move |response| {
            end_response_on_drain(restore_body(response), &of_responses)
        }))
        .add_service(HealthServer::new(health.into_service(presence.clone())))
        .add_service(PresenceServiceServer::new(InPieces(presence)))
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .serve_with_incoming_shutdown(transports, drain.cancelled_owned())
        .await?;
    Ok(())
}
