//! Serves all gRPC services on a stream of connections.

use std::{error::Error, pin::pin, sync::Arc, time::Duration};

use futures_util::{
    future::FutureExt as _,
    stream::{Stream, StreamExt as _},
};
use http::{Request, Response};
use hyper_util::{rt::TokioTimer, server::conn::auto::Builder};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tonic::{Status, body::Body, service::Routes};
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::Builder as ReflectionBuilder;
use tower::Service as _;

use crate::{
    access::Access,
    net::{Connection, HttpServer, PENDING_RESETS_MAX, Refusals, RequestBody, StreamTasks, report},
    pb::FILE_DESCRIPTOR_SET,
    tls,
};

use super::{
    access::{Doorkeeper, ReflectionPolicy},
    account::{GrpcAccounts, PURPOSE},
    asked::Asked,
    body::{InPieces, restore_body},
    connection::transport,
    deadline,
    health::Health,
    send_turns::SHORT_BYTES,
    service::{Presence, generated::presence_service_server::PresenceServiceServer},
    stream::drain::{DrainBody, end_request_on_drain, end_response_on_drain},
    unfinished::{BoundedBody, MESSAGE_BYTES_MAX},
};

/// The most bytes of one stream that wait for its connection, unless a single piece is longer. A
/// stream hands over one piece of a message at a time, and another when less than this waits. So
/// it bounds the short messages of a stream that wait, and slows no long one.
const SEND_BUFFER_BYTES: usize = SHORT_BYTES;

/// How often a connection without traffic is pinged. The connection of a client that vanished
/// is closed, because the client does not answer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);

/// How long the answer to a ping may take.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// The most bytes that the names and values of one request's headers take together.
const HEADER_LIST_BYTES_MAX: u32 = 16 * 1024;

/// How many streams of one connection the server may reset because of what the client sends on
/// them, for as long as the connection lasts. A client that keeps to HTTP/2 causes none but by
/// rare races. Each waits in memory until the client reads it.
const FAULTY_STREAMS_MAX: usize = 1024;

/// How many bytes of one request may wait in memory to be read: what HTTP/2 lets a client send before
/// it hears of any limit, and more than the longest message. Only reflection reads no further while
/// its answers are not taken.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024 - 1;

/// How many bytes of one connection's requests may wait. h2 ends a connection on which frames of less
/// than 256 bytes wait that lack half of this to be so long: 1,024 short messages at once are honest.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// The limits of the gRPC front.
#[derive(Clone, Copy, Debug)]
pub struct GrpcSettings {
    /// How many calls and watches one connection may have open.
    pub streams_per_connection_max: u32,
    /// How long a connection may be open without any.
    pub idle_timeout: Duration,
    /// How long a stream may have something to send that its client does not take.
    pub stall_timeout: Duration,
    /// About how many bytes may be in memory of snapshots, long messages and answers that are made
    /// while they are sent, and that clients do not take.
    pub unread_bytes_max: usize,
    /// Who may see which calls there are.
    pub reflection: ReflectionPolicy,
}

/// Serves on `connections` until `drain` is cancelled. Then streams end with
/// `UNAVAILABLE`, and this returns as soon as every call has ended.
///
/// # Errors
/// When the descriptors cannot be served.
pub async fn serve<IO>(
    connections: impl Stream<Item = Connection<IO>>,
    presence: Presence,
    health: Health,
    access: Access,
    refusals: Refusals,
    settings: GrpcSettings,
    drain: CancellationToken,
) -> Result<(), Box<dyn Error + Send + Sync>>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let metrics = presence.metrics().clone();
    let tasks = StreamTasks::new(PURPOSE, settings.stall_timeout, &metrics.connections);
    let http = HttpServer::new(tasks, |tasks| protocol(tasks, settings));
    let http = Arc::new(http.idle_timeout(settings.idle_timeout));
    let accounts = GrpcAccounts::new(
        settings.streams_per_connection_max,
        settings.unread_bytes_max,
        metrics.clone(),
    );
    let accounts = Arc::new(accounts);
    let doorkeeper = Doorkeeper::new(access, settings.reflection, metrics.clone());
    let doorkeeper = Arc::new(doorkeeper);
    let routes = routes(presence, health, settings.reflection)?;
    let mut tasks = JoinSet::new();
    // Dropped before the connections are waited for, so that nobody is accepted by then.
    {
        let mut connections = pin!(connections.take_until(drain.cancelled()));
        loop {
            tokio::select! {
                connection = connections.next() => match connection {
                    Some(connection) => {
                        let caller = connection.caller().clone();
                        let account = accounts.open(&caller);
                        let counted = account.as_ref().clone();
                        let (routes, draining) = (routes.clone(), drain.clone());
                        let doorkeeper = Arc::clone(&doorkeeper);
                        let (from, refusals) = (caller.clone(), refusals.clone());
                        let call_times = metrics.call_times.clone();
                        let names = connection.certificate().map(|shown| tls::names(shown).into());
                        let answer = move |mut request: Request<RequestBody>| {
                            let call = call_times.begin(request.uri().path());
                            let asked = Asked::new(&request, &from, refusals.clone());
                            let admitted = doorkeeper.admit(&mut request, &asked, names.as_ref());
                            if admitted.is_ok() {
                                account.note_request(request.extensions());
                            }
                            request.extensions_mut().insert(account.clone());
                            request.extensions_mut().insert(asked.request_id.clone());
                            let request = account.bound(request);
                            let answer = answer(request, admitted, routes.clone(), draining.clone());
                            answer.map(|response| call.answer(asked.answered(response)))
                        };
                        let http = Arc::clone(&http);
                        let io = transport(connection);
                        let served = http.serve_connection(io, counted, drain.clone(), answer);
                        tasks.spawn(caller.unless_recalled(served));
                    }
                    None => break,
                },
                Some(ended) = tasks.join_next() => report(ended, PURPOSE),
            }
        }
    }
    while let Some(ended) = tasks.join_next().await {
        report(ended, PURPOSE);
    }
    Ok(())
}

/// All services.
fn routes(
    presence: Presence,
    health: Health,
    reflection_policy: ReflectionPolicy,
) -> Result<Routes, tonic_reflection::server::Error> {
    let reflection = || {
        ReflectionBuilder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let limit = MESSAGE_BYTES_MAX;
    let health = HealthServer::new(health.into_service(presence.clone()));
    let presence = PresenceServiceServer::new(InPieces(presence));
    let mut routes = Routes::new(presence.max_decoding_message_size(limit))
        .add_service(health.max_decoding_message_size(limit));
    if reflection_policy != ReflectionPolicy::Off {
        let (v1, v1alpha) = (reflection().build_v1()?, reflection().build_v1alpha()?);
        routes = routes
            .add_service(v1.max_decoding_message_size(limit))
            .add_service(v1alpha.max_decoding_message_size(limit));
    }
    Ok(routes.prepare())
}

fn protocol(tasks: StreamTasks, settings: GrpcSettings) -> Builder<StreamTasks> {
    let mut protocol = Builder::new(tasks).http2_only();
    protocol
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.streams_per_connection_max)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        // What a client may cancel is bounded by its connection's account.
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(FAULTY_STREAMS_MAX)
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT);
    protocol
}

/// Answers a request whose caller is admitted, within the deadline that it gives.
async fn answer(
    request: Request<BoundedBody<RequestBody>>,
    admitted: Result<(), Status>,
    mut routes: Routes,
    drain: CancellationToken,
) -> Response<DrainBody<Body>> {
    let request = end_request_on_drain(request.map(Body::new), &drain);
    let timeout = deadline::timeout(request.headers());
    let answer = async {
        match admitted {
            Ok(()) => {
                let Ok(response) = routes.call(request).await;
                response
            }
            Err(refused) => refused.into_http(),
        }
    };
    let response = deadline::within(timeout, answer).await;
    end_response_on_drain(restore_body(response), &drain)
}
