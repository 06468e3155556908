//! One connection, for as long as it behaves.
//!
//! It ends when the peer ends it, when it has been without a request for too
//! long, or when the service drains: first gracefully, so that requests in work
//! are answered, then, if the peer does not go along, without asking.

use std::{
    convert::Infallible,
    error::Error,
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::header::CONNECTION;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, Sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    Front, Settings,
    activity::{Activity, Patience},
    wire::Wire,
};

/// The longest head of a request. Vendors' are a few hundred bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// The most headers of a request.
const HEADERS_MAX: usize = 64;
/// The most requests at once on one connection of HTTP/2.
const STREAMS_MAX: u32 = 128;
/// How much of one body of HTTP/2 may wait in memory.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// How much of all bodies of one connection of HTTP/2 may wait in memory.
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
/// After how much silence a peer of HTTP/2 is asked whether it is there.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long it may take to answer that.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// More than anybody means by a timeout, and less than clocks overflow at.
const PATIENCE_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How connections are spoken to.
pub(super) fn protocol() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        // Some clients end their side as soon as they have asked.
        .half_close(true)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        // Heads are timed by `Activity`: the library's limit would cut idle
        // connections as well.
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

/// Serves one connection until it is closed. Dropping it closes it at once.
pub(super) async fn run<I>(
    io: I,
    front: Arc<Front>,
    protocol: Arc<Builder<TokioExecutor>>,
    drain: CancellationToken,
) where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let patience = patience(&front.parts.settings);
    let malformed = &front.metrics().requests_malformed;
    let activity = Activity::new();
    let io = TokioIo::new(Wire::new(io, activity.clone()));
    let service = service_fn(|request| {
        let in_flight = activity.begin();
        let activity = activity.clone();
        let front = Arc::clone(&front);
        let draining = drain.is_cancelled();
        async move {
            let response = front.answer(request, draining).await;
            if response.headers().contains_key(CONNECTION) {
                activity.leave_unread();
            }
            drop(in_flight);
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = pin!(protocol.serve_connection(io, service));
    let mut drained = pin!(drain.cancelled());
    let mut limit = pin!(sleep_until(activity.due(patience)));
    let mut closing = false;

    poll_fn(|cx| {
        loop {
            // Errors are the peer's: it went away, or did not speak HTTP.
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                if ended.is_err_and(|error| is_malformed(&*error)) {
                    malformed.inc();
                }
                return Poll::Ready(());
            }
            let is_over = is_over(cx, &activity, patience, limit.as_mut());
            if closing && is_over {
                return Poll::Ready(());
            }
            if closing || !(is_over || drained.as_mut().poll(cx).is_ready()) {
                return Poll::Pending;
            }
            if is_over && activity.is_in_head() {
                malformed.inc();
            }
            closing = true;
            activity.close();
            connection.as_mut().graceful_shutdown();
        }
    })
    .await;
}

/// Whether the library refused a request, whose head it could not read.
fn is_malformed(error: &(dyn Error + 'static)) -> bool {
    error
        .downcast_ref::<hyper::Error>()
        .is_some_and(hyper::Error::is_parse)
}

fn patience(settings: &Settings) -> Patience {
    Patience {
        idle: settings.idle_timeout.min(PATIENCE_MAX),
        header: settings.header_read_timeout.min(PATIENCE_MAX),
    }
}

/// Whether patience has ended. If not, `limit` wakes the task when it may.
fn is_over(
    cx: &mut Context<'_>,
    activity: &Activity,
    patience: Patience,
    mut limit: Pin<&mut Sleep>,
) -> bool {
    loop {
        let due = activity.due(patience);
        if due <= Instant::now() {
            return true;
        }
        // A limit that moved away is only looked at when it wakes: that spares
        // each request the timer.
        if due < limit.deadline() {
            limit.as_mut().reset(due);
        }
        if limit.as_mut().poll(cx).is_pending() {
            return false;
        }
        limit.as_mut().reset(due);
    }
}

#[cfg(test)]
mod tests;
