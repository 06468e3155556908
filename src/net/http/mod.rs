//! Serves one HTTP connection, within time limits.
//!
//! It ends when the client ends it, when it has been without a request for too long, or when
//! the service drains. It ends gracefully first, so that requests in work are answered. A
//! client that does not close in time is cut off.

mod activity;
mod meter;
mod request_body;
mod streams;
mod transport;
mod unstarted;

use std::{
    convert::Infallible,
    error::Error,
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response, Version, header::CONNECTION};
use hyper::{
    body::{Body, Incoming},
    service::service_fn,
};
use hyper_util::{rt::TokioIo, server::conn::auto::Builder};
use prometheus_client::metrics::counter::Counter;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, Sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

pub use self::request_body::RequestBody;

use super::{Accounted, Answering, ConnectionAccount};

pub use self::streams::StreamTasks;

use self::{
    activity::{Activity, Timeouts},
    streams::NotedBody,
    transport::Transport,
};

/// The longest timeout. An instant that is much later than this could not be represented.
const TIMEOUT_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How the HTTP connections of a front are served.
#[derive(Clone, Debug)]
pub struct HttpServer {
    protocol: Builder<StreamTasks>,
    tasks: StreamTasks,
    timeouts: Timeouts,
    malformed: Counter,
}

impl HttpServer {
    /// Speaks `protocol`, which has limits of its own for what a request's head may hold. It
    /// must not time heads itself: the library would cut off idle connections, too. Its streams
    /// are run by `tasks`.
    pub fn new(
        tasks: StreamTasks,
        protocol: impl FnOnce(StreamTasks) -> Builder<StreamTasks>,
    ) -> Self {
        Self {
            protocol: protocol(tasks.clone()),
            tasks,
            timeouts: Timeouts {
                idle: TIMEOUT_MAX,
                head: TIMEOUT_MAX,
            },
            malformed: Counter::default(),
        }
    }

    /// How long a connection may be open without a request.
    #[must_use]
    pub fn idle_timeout(mut self, within: Duration) -> Self {
        self.timeouts.idle = within.min(TIMEOUT_MAX);
        self
    }

    /// How long a request's head may take to arrive, from its first byte. Heads of HTTP/2
    /// have no such limit.
    #[must_use]
    pub fn head_timeout(mut self, within: Duration) -> Self {
        self.timeouts.head = within.min(TIMEOUT_MAX);
        self
    }

    /// Where requests are counted whose heads could not be read or did not arrive in time.
    #[must_use]
    pub fn count_malformed(mut self, malformed: Counter) -> Self {
        self.malformed = malformed;
        self
    }

    /// Serves one connection until it is closed, with one call of `answer` for each request.
    /// An answer with a `Connection` header leaves the rest of its request unread. Requests of
    /// HTTP/2 count in `account`; those of HTTP/1.1 cannot be cancelled without the connection.
    /// Dropping this closes the connection at once.
    pub async fn serve_connection<IO, A, F, B>(
        self: Arc<Self>,
        io: IO,
        account: ConnectionAccount,
        drain: CancellationToken,
        answer: A,
    ) where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        A: Fn(Request<RequestBody>) -> F,
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let activity = Activity::new();
        let io = Transport::new(io, activity.clone(), self.tasks.turn());
        let io = TokioIo::new(Accounted::new(io, account.clone()));
        let service = service_fn(|request: Request<Incoming>| {
            let counted = (request.version() == Version::HTTP_2).then(|| account.begin());
            let in_flight = activity.begin();
            let activity = activity.clone();
            let body = |body| RequestBody::new(body, activity.clone());
            let answer = answer(request.map(body));
            Answering::new(counted, async move {
                let response = answer.await;
                if response.headers().contains_key(CONNECTION) {
                    activity.leave_unread();
                }
                Ok::<_, Infallible>(response.map(|body| NotedBody::new(body, in_flight)))
            })
        });
        let mut connection = pin!(self.protocol.serve_connection(io, service));
        let mut drained = pin!(drain.cancelled());
        let mut limit = pin!(sleep_until(activity.due(self.timeouts)));
        let mut closing = false;

        poll_fn(|cx| {
            loop {
                // Errors are the client's: it went away, or did not speak HTTP.
                if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                    if ended.is_err_and(|error| is_malformed(&*error)) {
                        self.malformed.inc();
                    }
                    return Poll::Ready(());
                }
                let is_over = is_over(cx, &activity, self.timeouts, limit.as_mut());
                if closing && is_over {
                    return Poll::Ready(());
                }
                if closing || !(is_over || drained.as_mut().poll(cx).is_ready()) {
                    return Poll::Pending;
                }
                if is_over && activity.is_in_head() {
                    self.malformed.inc();
                }
                closing = true;
                activity.close();
                connection.as_mut().graceful_shutdown();
            }
        })
        .await;
    }
}

/// Whether the library refused a request because it could not read its head.
fn is_malformed(error: &(dyn Error + 'static)) -> bool {
    error
        .downcast_ref::<hyper::Error>()
        .is_some_and(hyper::Error::is_parse)
}

/// Whether the connection has reached a timeout. If not, `limit` wakes the task when it may
/// have.
fn is_over(
    cx: &mut Context<'_>,
    activity: &Activity,
    timeouts: Timeouts,
    mut limit: Pin<&mut Sleep>,
) -> bool {
    loop {
        let due = activity.due(timeouts);
        if due <= Instant::now() {
            return true;
        }
        // A limit that moved to a later time is checked when it wakes, so that a request does not
        // have to reset the timer.
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
