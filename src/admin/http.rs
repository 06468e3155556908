//! `GET /metrics`, for whoever scrapes it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, time};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use super::Metrics;

/// The media type of what [`Metrics::encode`] returns, as OpenMetrics 1.0 says.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long one scrape may take, from connect to close.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

/// Scrapes at once. This port is for operators; more is a mistake.
const SCRAPES_MAX: usize = 16;

/// Serves the metrics until `drain` is cancelled.
pub async fn serve(listener: TcpListener, metrics: Arc<Metrics>, drain: CancellationToken) {
    let scrapes = TaskTracker::new();
    let accept = async {
        loop {
            match listener.accept().await {
                Ok((io, _)) if scrapes.len() < SCRAPES_MAX => {
                    let scrape = scrape(TokioIo::new(io), Arc::clone(&metrics));
                    scrapes.spawn(time::timeout(SCRAPE_TIMEOUT, scrape));
                }
                Ok(_) => warn!("too many scrapes at once: closed one more"),
                Err(error) => {
                    warn!(%error, "cannot accept a scrape");
                    time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    };
    drain.run_until_cancelled(accept).await;
}

async fn scrape(io: TokioIo<tokio::net::TcpStream>, metrics: Arc<Metrics>) {
    let service = service_fn(|request| std::future::ready(answer(&request, &metrics)));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(io, service)
        .await;
    if let Err(error) = served {
        debug!(%error, "a scrape broke off");
    }
}

fn answer(
    request: &Request<Incoming>,
    metrics: &Metrics,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => (StatusCode::OK, metrics.encode()),
        (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, String::new()),
        _ => (StatusCode::NOT_FOUND, String::new()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let media_type = http::HeaderValue::from_static(OPEN_METRICS);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    Ok(response)
}
