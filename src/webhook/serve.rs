//! Serves the front on a listener.

use std::{sync::Arc, time::Duration};

use http::Request;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::front::WebhookFront;
use crate::net::{self, Admission, Handshake, HttpServer, Listener};

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
    let admission = Admission {
        purpose: "callbacks",
        connections_max: front.parts.settings.connections_max,
        refusal: TOO_MANY_CONNECTIONS,
        metrics: front.metrics().connections.clone(),
    };
    let http = Arc::new(http_server(&front));
    let draining = drain.clone();
    net::serve(listener, admission, drain, move |connection| {
        serve_connection(
            connection,
            Arc::clone(&http),
            Arc::clone(&front),
            draining.clone(),
        )
    })
    .await;
}

async fn serve_connection<IO>(
    io: IO,
    http: Arc<HttpServer>,
    front: Arc<WebhookFront>,
    drain: CancellationToken,
) where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let draining = drain.clone();
    let answer = |request: Request<Incoming>| {
        let front = Arc::clone(&front);
        let draining = draining.is_cancelled();
        async move { front.answer(request, draining).await }
    };
    http.serve_connection(io, drain, answer).await;
}

fn http_server(front: &WebhookFront) -> HttpServer {
    let settings = &front.parts.settings;
    HttpServer::new(protocol())
        .idle_timeout(settings.idle_timeout)
        .head_timeout(settings.header_read_timeout)
        .count_malformed(front.metrics().requests_malformed.clone())
}

fn protocol() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
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
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

#[cfg(test)]
mod tests;
