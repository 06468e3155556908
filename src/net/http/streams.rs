//! Ends the streams of HTTP/2 whose clients take nothing.
//!
//! The library asks a body for a frame, and asks again when the connection has taken that one.
//! If the client gives the stream no window, the frame is not taken, and neither is the body
//! asked. So the library's task of the stream is watched, and dropped after a time without
//! progress, whether or not the client answers pings. That resets the stream.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http_body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use pin_project_lite::pin_project;
use prometheus_client::metrics::counter::Counter;
use tokio::{
    task_local,
    time::{self, Instant, Sleep},
};
use tracing::warn;

use super::{
    TIMEOUT_MAX,
    activity::InFlight,
    unstarted::{NotStarted, Turn, Unstarted},
};
use crate::net::{ConnectionMetrics, Throttle};

task_local! {
    /// What the stream whose task runs was given by its body.
    static GIVEN: Cell<Given>;
}

/// What a stream was given by its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Given {
    frames: u64,
    /// Whether the last frame may not be taken yet: the body was not asked since.
    has_untaken: bool,
}

/// Runs the tasks of HTTP/2 streams, each until it ends or stalls. Clones are of the same front.
#[derive(Clone, Debug)]
pub struct StreamTasks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    purpose: &'static str,
    stall_timeout: Duration,
    /// Counts the streams that were ended because they stalled.
    stalled: Counter,
    unstarted: Unstarted,
    began: Instant,
    log: Throttle,
}

pin_project! {
    /// A stream's task, which ends when no frame was taken for a time.
    struct UntilStalled<F> {
        #[pin]
        task: F,
        not_started: Option<NotStarted>,
        given: Given,
        // Until when the last frame has to be taken, while it is not.
        limit: Option<Pin<Box<Sleep>>>,
        tasks: StreamTasks,
    }
}

pin_project! {
    /// A body whose frames are noted in the task of its stream. Its request is in work for as long
    /// as it is kept.
    #[derive(Debug)]
    pub(super) struct NotedBody<B> {
        #[pin]
        body: B,
        in_flight: InFlight,
    }
}

impl StreamTasks {
    /// The tasks of a front for `purpose`. A stream that has something to send is reset if its
    /// client takes nothing of it for `stall_timeout`. `metrics` counts those, and how often
    /// connections are not read because requests come faster than their tasks begin.
    pub fn new(
        purpose: &'static str,
        stall_timeout: Duration,
        metrics: &ConnectionMetrics,
    ) -> Self {
        Self(Arc::new(Inner {
            purpose,
            stall_timeout: stall_timeout.min(TIMEOUT_MAX),
            stalled: metrics.streams_stalled.clone(),
            unstarted: Unstarted::new(purpose, metrics.reads_deferred.clone()),
            began: Instant::now(),
            log: Throttle::default(),
        }))
    }

    /// The turn of a new connection to be read, after tasks that have not run yet.
    pub(super) fn turn(&self) -> Turn {
        self.0.unstarted.turn()
    }

    fn note_stalled(&self) {
        let Inner {
            purpose,
            stall_timeout,
            stalled,
            began,
            log,
            ..
        } = &*self.0;
        stalled.inc();
        if let Some(held_back) = log.pass_after(began.elapsed()) {
            warn!(
                purpose,
                ?stall_timeout,
                held_back,
                "a client does not read what it asked for: ended the stream"
            );
        }
    }
}

impl<F> Executor<F> for StreamTasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        drop(tokio::spawn(UntilStalled {
            task,
            not_started: Some(self.0.unstarted.add()),
            given: Given::default(),
            limit: None,
            tasks: self.clone(),
        }));
    }
}

impl<F: Future<Output = ()>> Future for UntilStalled<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        *this.not_started = None;
        let (polled, given) = GIVEN.sync_scope(Cell::new(*this.given), || {
            (this.task.poll(cx), GIVEN.with(Cell::get))
        });
        let has_progress = std::mem::replace(this.given, given) != given;
        if polled.is_ready() {
            return Poll::Ready(());
        }
        if !given.has_untaken {
            *this.limit = None;
            return Poll::Pending;
        }
        let timeout = this.tasks.0.stall_timeout;
        let limit = this
            .limit
            .get_or_insert_with(|| Box::pin(time::sleep(timeout)));
        if has_progress {
            limit.as_mut().reset(Instant::now() + timeout);
        }
        if limit.as_mut().poll(cx).is_ready() {
            this.tasks.note_stalled();
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl<B> NotedBody<B> {
    pub(super) fn new(body: B, in_flight: InFlight) -> Self {
        Self { body, in_flight }
    }
}

impl<B: Body> Body for NotedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let polled = self.project().body.poll_frame(cx);
        let is_data = matches!(&polled, Poll::Ready(Some(Ok(frame))) if frame.is_data());
        // There is no such task for HTTP/1.1, whose connections have limits of their own.
        let _ = GIVEN.try_with(|given| {
            given.set(Given {
                frames: given.get().frames + u64::from(is_data),
                has_untaken: is_data,
            });
        });
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
