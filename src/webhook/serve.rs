//! Serves the front on a listener.

use std::{sync::Arc, time::Duration};

use http::Request;
use hyper_util::{rt::TokioTimer, server::conn::auto::Builder};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::front::WebhookFront;
use crate::net::{
    self, Admission, Connection, ConnectionAccounts, Handshake, HttpServer, Listener,
    PENDING_RESETS_MAX, RequestBody, StreamTasks,
};

/// The longest head of a request. Heads of vendors are a few hundred bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// The most headers of a request.
const HEADERS_MAX: usize = 64;
/// The most requests at once on one connection of HTTP/2.
const STREAMS_MAX: u32 = 128;
/// How much of one body of HTTP/2 may wait in memory.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// How much of all bodies of one connection of HTTP/2 may wait in memory.
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
/// After how much silence a client of HTTP/2 is sent a ping.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long a client may take to answer a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take nothing of an answer over HTTP/2. Answers are short.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// What the connections are for, in log lines.
const PURPOSE: &str = "callbacks";

/// The answer to a connection above the limit.
const TOO_MANY_CONNECTIONS: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/json\r\n\
    content-length: 63\r\n\
    retry-after: 1\r\n\
    connection: close\r\n\
    \r\n\
    {\"error\":\"overloaded\",\"message\":\"too many connections at once\"}";

/// Serves callbacks on `listener` until `drain` is cancelled. Then nothing more is accepted, and
/// this returns when the requests in work are answered and all connections are closed. Dropping
/// it closes them at once.
pub async fn serve<H: Handshake>(
    listener: Listener<H>,
    front: Arc<WebhookFront>,
    drain: CancellationToken,
) {
    let settings = &front.parts.settings;
    let admission = Admission {
        purpose: PURPOSE,
        connections_max: settings.connections_max,
        per_peer_max: settings.connections_per_address_max,
        trust: front.trust.clone(),
        refusal: TOO_MANY_CONNECTIONS,
        metrics: front.metrics().connections.clone(),
    };
    let http = Arc::new(http_server(&front));
    let accounts = Arc::new(accounts(&front));
    let draining = drain.clone();
    net::serve(listener, admission, drain, move |connection| {
        serve_connection(
            connection,
            &accounts,
            Arc::clone(&http),
            Arc::clone(&front),
            draining.clone(),
        )
    })
    .await;
}

fn serve_connection<IO>(
    connection: Connection<IO>,
    accounts: &Arc<ConnectionAccounts>,
    http: Arc<HttpServer>,
    front: Arc<WebhookFront>,
    drain: CancellationToken,
) -> impl Future<Output = ()> + Send + use<IO>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let account = accounts.open(connection.peer());
    let draining = drain.clone();
    let caller = connection.caller().clone();
    let answer = move |request: Request<RequestBody>| {
        let (front, caller) = (Arc::clone(&front), caller.clone());
        let draining = draining.is_cancelled();
        async move { front.answer(request, &caller, draining).await }
    };
    http.serve_connection(connection, account, drain, answer)
}

fn accounts(front: &WebhookFront) -> ConnectionAccounts {
    let streams_max = STREAMS_MAX as usize;
    ConnectionAccounts::new(PURPOSE, streams_max, front.metrics().connections.clone())
}

fn http_server(front: &WebhookFront) -> HttpServer {
    let settings = &front.parts.settings;
    let metrics = &front.metrics().connections;
    HttpServer::new(StreamTasks::new(PURPOSE, STALL_TIMEOUT, metrics), protocol)
        .idle_timeout(settings.idle_timeout)
        .head_timeout(settings.header_read_timeout)
        .count_malformed(front.metrics().requests_malformed.clone())
}

fn protocol(tasks: StreamTasks) -> Builder<StreamTasks> {
    let mut builder = Builder::new(tasks);
    builder
        .http1()
        // Some clients end their side as soon as they have sent their request.
        .half_close(true)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .header_read_timeout(None);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .max_concurrent_streams(STREAMS_MAX)
        // What a client may cancel is bounded by its connection's account.
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

#[cfg(test)]
mod tests;
