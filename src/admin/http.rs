//! `GET /metrics`, for the system that collects metrics.

use std::{future, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper_util::server::conn::auto::Builder;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::MetricsRegistry;
use crate::net::{
    self, Admission, ConnectionAccounts, ConnectionMetrics, Handshake, HttpServer, Listener,
    RequestBody, StreamTasks, budget::Trust,
};

/// The media type of what [`MetricsRegistry::encode`] returns, as OpenMetrics 1.0 says.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long one connection may take, from connect to close.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);

/// The most connections at once. This port is for operators; more is a mistake, or an attack: then
/// the oldest gives way, so that whoever asks at once is answered.
pub const CONNECTIONS_MAX: usize = 16;

/// What the connections are for, in log lines.
const PURPOSE: &str = "metrics";

/// Serves the metrics on `listener` until `drain` is cancelled. Its own connections are counted
/// in `connections`.
pub async fn serve<H: Handshake>(
    listener: Listener<H>,
    metrics: Arc<MetricsRegistry>,
    connections: ConnectionMetrics,
    drain: CancellationToken,
) {
    let admission = Admission {
        purpose: PURPOSE,
        connections_max: CONNECTIONS_MAX,
        per_peer_max: CONNECTIONS_MAX,
        trust: Trust::default(),
        refusal: b"",
        metrics: connections.clone(),
    };
    let stalled = connections.streams_stalled.clone();
    let tasks = StreamTasks::new(PURPOSE, CONNECTION_TIMEOUT, stalled);
    // HTTP/1.1 has one request at a time.
    let accounts = Arc::new(ConnectionAccounts::new(PURPOSE, 1, connections));
    let mut protocol = Builder::new(tasks).http1_only();
    protocol.http1().keep_alive(false).header_read_timeout(None);
    let http = Arc::new(HttpServer::new(protocol));
    let draining = drain.clone();
    net::serve(listener, admission, drain, move |connection| {
        let metrics = Arc::clone(&metrics);
        let answer = move |request| future::ready(answer(&request, &metrics));
        let account = accounts.open(connection.peer());
        let served =
            Arc::clone(&http).serve_connection(connection, account, draining.clone(), answer);
        async move {
            let _ = time::timeout(CONNECTION_TIMEOUT, served).await;
        }
    })
    .await;
}

fn answer(request: &Request<RequestBody>, metrics: &MetricsRegistry) -> Response<Full<Bytes>> {
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, metrics.encode()),
        (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, String::new()),
        _ => (StatusCode::NOT_FOUND, String::new()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let media_type = http::HeaderValue::from_static(OPEN_METRICS);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

    use super::*;

    async fn get(address: std::net::SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: h\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn silent_connections_keep_nobody_from_the_metrics() {
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let metrics = Arc::new(MetricsRegistry::new());
        let served = tokio::spawn(serve(
            listener,
            metrics,
            ConnectionMetrics::default(),
            CancellationToken::new(),
        ));
        let mut silent = Vec::new();
        for _ in 0..2 * CONNECTIONS_MAX {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let page = get(address, "/metrics").await;
        assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
        served.abort();
    }

    #[tokio::test]
    async fn metrics_are_served_once_a_connection_until_the_drain() {
        let mut metrics = MetricsRegistry::new();
        let count = Counter::<u64>::default();
        metrics.registry_mut().register("things", "Things", count);
        let connections = ConnectionMetrics::register(metrics.registry_mut(), "admin_", "Admin");
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let drain = CancellationToken::new();
        let served = tokio::spawn(serve(
            listener,
            Arc::new(metrics),
            connections.clone(),
            drain.clone(),
        ));

        let page = get(address, "/metrics").await;
        assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
        assert!(page.contains(OPEN_METRICS), "{page}");
        assert!(page.contains("headcount_things_total 0\n"), "{page}");
        let own = "headcount_admin_connections_open 1\n";
        assert!(page.contains(own), "{page}");
        let missing = get(address, "/").await;
        assert!(missing.starts_with("HTTP/1.1 404"), "{missing}");

        let mut idle = TcpStream::connect(address).await.unwrap();
        get(address, "/metrics").await;
        drain.cancel();
        served.await.unwrap();
        assert_eq!(idle.read(&mut [0]).await.unwrap(), 0, "closed by the drain");
        assert!(TcpStream::connect(address).await.is_err());
    }
}
