//! Keeps a request until it is answered.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::Counted;

pin_project! {
    /// Answers a request, and notes when it is answered: when the first part of the body is
    /// taken. The server takes none for a client that has cancelled the request.
    #[derive(Debug)]
    pub struct Answering<F, B> {
        #[pin]
        answer: F,
        request: Option<Counted>,
        // A response without a body that waits to be taken.
        bodiless: Option<Response<B>>,
    }
}

pin_project! {
    /// The body of an answer.
    #[derive(Debug)]
    pub struct CountedBody<B> {
        #[pin]
        body: B,
        request: Option<Counted>,
    }
}

impl<F, B> Answering<F, B> {
    /// Answers `request`, if it counts, with what `answer` returns.
    pub fn new(request: Option<Counted>, answer: F) -> Self {
        Self {
            answer,
            request,
            bodiless: None,
        }
    }
}

impl<F, B, E> Future for Answering<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<CountedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = match this.bodiless.take() {
            Some(response) => {
                if let Some(request) = this.request {
                    request.answered();
                }
                response
            }
            None => {
                let response = ready!(this.answer.poll(cx))?;
                if response.body().is_end_stream() && this.request.is_some() {
                    // Nothing tells whether such a response was sent. But while a response is
                    // waited for, the server looks whether the client has cancelled the request.
                    *this.bodiless = Some(response);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                response
            }
        };
        let request = this.request.take();
        Poll::Ready(Ok(response.map(|body| CountedBody { body, request })))
    }
}

impl<B: Body> Body for CountedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = ready!(this.body.poll_frame(cx));
        if let Some(request) = this.request {
            request.answered();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
