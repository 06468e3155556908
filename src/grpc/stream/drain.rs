//! Ends streams when the server drains.
//!
//! A server that drains waits for its responses to end, and a stream does not end by itself.
//! One rule holds for all services, including health and reflection: while the server drains,
//! a response that has nothing to send ends with `UNAVAILABLE`, so that the client connects to
//! another server and resumes there. A request body that has nothing to deliver ends too.
//! Otherwise a reflection call would keep its connection open, because it reads requests for
//! as long as the client keeps the call open.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;

pin_project! {
    /// A body that ends when the server drains.
    #[derive(Debug)]
    pub(in crate::grpc) struct DrainBody<B> {
        #[pin]
        body: B,
        #[pin]
        drained: WaitForCancellationFutureOwned,
        // Returns the last frame to send, if any.
        last_frame: fn() -> Option<Frame<Bytes>>,
        ended: bool,
    }
}

/// Makes a response end when `drain` is cancelled.
pub(in crate::grpc) fn end_response_on_drain<B>(
    response: Response<B>,
    drain: &CancellationToken,
) -> Response<DrainBody<B>> {
    response.map(|body| DrainBody::new(body, drain, || Some(Frame::trailers(unavailable()))))
}

/// Makes a request end when `drain` is cancelled.
pub(in crate::grpc) fn end_request_on_drain(
    request: Request<tonic::body::Body>,
    drain: &CancellationToken,
) -> Request<tonic::body::Body> {
    request.map(|body| tonic::body::Body::new(DrainBody::new(body, drain, || None)))
}

impl<B> DrainBody<B> {
    fn new(body: B, drain: &CancellationToken, last_frame: fn() -> Option<Frame<Bytes>>) -> Self {
        Self {
            body,
            drained: drain.clone().cancelled_owned(),
            last_frame,
            ended: false,
        }
    }
}

impl<B: Body<Data = Bytes>> Body for DrainBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = this.body.poll_frame(cx) {
            return Poll::Ready(frame);
        }
        ready!(this.drained.poll(cx));
        *this.ended = true;
        Poll::Ready((this.last_frame)().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn unavailable() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    let status = Status::unavailable("the server is going away: connect again and resume");
    // This fails only if the message is not a valid header value. The client sees an error
    // without trailers too.
    let _ = status.add_header(&mut trailers);
    trailers
}
