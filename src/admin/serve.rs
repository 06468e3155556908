//! The connections of the front.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use http::{HeaderValue, Request, Response, Version, header::CONNECTION};
use hyper::body::Body as _;
use hyper_util::{rt::TokioTimer, server::conn::auto::Builder};
use tokio::time;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use super::{AdminFront, door::Asker, routes::routes};
use crate::{
    net::{
        self, Admission, Connection, ConnectionAccounts, Handshake, HttpServer, Listener,
        PENDING_RESETS_MAX, RequestBody, StreamTasks, budget::Trust,
    },
    tls,
};

/// How long one connection may take, from connect to the last request. Over HTTP/1.1 there is
/// one.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the requests may take that are in work then.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The most connections at once. This port is for operators; more is a mistake, or an attack: then
/// the oldest gives way, so that whoever asks at once is answered.
pub const CONNECTIONS_MAX: usize = 16;

/// The most requests at once on one connection of HTTP/2. Whoever collects metrics has one.
const STREAMS_MAX: u32 = 16;

/// The longest head of a request: a JWT is some KiB.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// How much of the bodies of one connection of HTTP/2 may wait in memory. None is read.
const WINDOW_BYTES: u32 = 64 * 1024;

/// What the connections are for, in log lines.
const PURPOSE: &str = "operators";

/// Serves operators on `listener` until `drain` is cancelled.
pub async fn serve<H: Handshake>(
    listener: Listener<H>,
    front: Arc<AdminFront>,
    drain: CancellationToken,
) {
    let connections = front.connections.clone();
    let admission = Admission {
        purpose: PURPOSE,
        connections_max: CONNECTIONS_MAX,
        per_peer_max: CONNECTIONS_MAX,
        trust: Trust::default(),
        refusal: b"",
        metrics: connections.clone(),
    };
    let tasks = StreamTasks::new(PURPOSE, CONNECTION_TIMEOUT, &connections);
    let http = Arc::new(HttpServer::new(tasks, protocol));
    let streams_max = STREAMS_MAX as usize;
    let accounts = Arc::new(ConnectionAccounts::new(PURPOSE, streams_max, connections));
    let routes = routes(front);
    let draining = drain.clone();
    net::serve(listener, admission, drain, move |connection| {
        let account = accounts.open(connection.peer());
        let (routes, asker) = (routes.clone(), asker(&connection));
        let answer = move |request| answer(request, asker.clone(), routes.clone());
        let closing = draining.child_token();
        let served =
            Arc::clone(&http).serve_connection(connection, account, closing.clone(), answer);
        async move {
            let mut served = pin!(served);
            if time::timeout(CONNECTION_TIMEOUT, &mut served)
                .await
                .is_err()
            {
                closing.cancel();
                let _ = time::timeout(CLOSE_TIMEOUT, served).await;
            }
        }
    })
    .await;
}

fn protocol(tasks: StreamTasks) -> Builder<StreamTasks> {
    let mut protocol = Builder::new(tasks);
    protocol
        .http1()
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES_MAX)
        .header_read_timeout(None);
    protocol
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .max_concurrent_streams(STREAMS_MAX)
        // What a client may cancel is bounded by its connection's account.
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES);
    protocol
}

fn asker<IO>(connection: &Connection<IO>) -> Asker {
    let shown = connection.certificate();
    Asker {
        caller: connection.caller().clone(),
        names: shown.map(|certificate| tls::names(certificate).into()),
    }
}

async fn answer(
    mut request: Request<RequestBody>,
    asker: Asker,
    mut routes: Router,
) -> Response<Body> {
    // No route reads a body. What is left of one would reset the connection, and the answer with it.
    let leaves_unread = request.version() < Version::HTTP_2 && !request.body().is_end_stream();
    request.extensions_mut().insert(asker);
    let Ok(mut response) = routes.call(request).await;
    if leaves_unread {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

#[cfg(test)]
mod tests;
