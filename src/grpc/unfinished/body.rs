//! The body of a request, within the bounds of the front.

use std::{
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::request::Parts;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use tonic::Status;

use super::{
    MESSAGE_BYTES_MAX, MESSAGE_WITHIN, REQUEST_BYTES, Unfinished, first_message::FirstMessage,
    no_room,
};
use crate::{
    grpc::access::REFLECTION,
    net::{Peer, budget::Holding, head_bytes},
};

/// The body of a request. It fails with a status when there is no room for the request any more,
/// or when its first message takes too long.
#[derive(Debug)]
pub(in crate::grpc) struct BoundedBody<B> {
    body: B,
    /// What came after the first message, and was not asked for yet.
    ahead: Option<NextFrame>,
    state: State,
    unfinished: Arc<Unfinished>,
    peer: Peer,
    head_bytes: usize,
    is_reflection: bool,
}

type BoxError = Box<dyn Error + Send + Sync>;
type NextFrame = Result<Frame<Bytes>, BoxError>;

#[derive(Debug)]
enum State {
    /// The first message is on its way.
    Begun(FirstMessage, Option<Waiting>),
    /// The first message was there, and the body goes on.
    Open(Holding),
    /// Nothing more comes.
    Ended,
}

/// What a request has that waits for its first message.
#[derive(Debug)]
struct Waiting {
    holding: Holding,
    bytes: usize,
    limit: Pin<Box<Sleep>>,
}

impl<B> BoundedBody<B> {
    /// The body of a request of a peer that has this head.
    pub(in crate::grpc) fn new(
        body: B,
        head: &Parts,
        peer: Peer,
        unfinished: Arc<Unfinished>,
    ) -> Self {
        Self {
            body,
            ahead: None,
            state: State::Begun(FirstMessage::default(), None),
            unfinished,
            peer,
            head_bytes: head_bytes(&head.headers),
            is_reflection: head.uri.path().starts_with(REFLECTION),
        }
    }

    /// Ready when the request may not wait for its first message any longer.
    fn poll_given_up(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        let State::Begun(message, waiting) = &mut self.state else {
            return Poll::Pending;
        };
        // The service refuses a longer message, and waits for nothing of it.
        let message_bytes = message.bytes().min(MESSAGE_BYTES_MAX);
        let bytes = REQUEST_BYTES + self.head_bytes + message_bytes;
        let waiting = match waiting {
            Some(waiting) => waiting,
            None => match self.unfinished.wait(self.peer, bytes) {
                Ok(holding) => waiting.insert(Waiting {
                    holding,
                    bytes,
                    limit: Box::pin(sleep(MESSAGE_WITHIN)),
                }),
                Err(refused) => return Poll::Ready(refused),
            },
        };
        if waiting.holding.poll_recalled(cx).is_ready() {
            return Poll::Ready(no_room());
        }
        // Its length may have come since.
        if bytes > waiting.bytes && !waiting.holding.grow(bytes - waiting.bytes) {
            return Poll::Ready(self.unfinished.refuse());
        }
        waiting.bytes = bytes;
        waiting
            .limit
            .as_mut()
            .poll(cx)
            .map(|()| self.unfinished.late())
    }

    fn fail(&mut self, status: Status) -> Option<NextFrame> {
        self.state = State::Ended;
        Some(Err(status.into()))
    }
}

impl<B> BoundedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    /// The next frame of the body itself.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<NextFrame>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let is_more = matches!(&frame, Some(Ok(frame)) if frame.is_data());
        if !is_more {
            self.state = State::Ended;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<Option<NextFrame>> {
        let Poll::Ready(frame) = self.poll_body(cx) else {
            let given_up = self.poll_given_up(cx);
            return given_up.map(|status| self.fail(status));
        };
        if let State::Begun(message, _) = &mut self.state
            && let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            message.add(data);
            if message.is_whole()
                && let Err(refused) = self.go_on(cx)
            {
                return Poll::Ready(self.fail(refused));
            }
        }
        Poll::Ready(frame)
    }

    /// Takes a place for what comes after the first message, unless the body ends with that.
    fn go_on(&mut self, cx: &mut Context<'_>) -> Result<(), Status> {
        // Most clients end the body with the message, or right after it.
        match self.poll_body(cx) {
            Poll::Ready(frame) => self.ahead = frame,
            Poll::Pending => {}
        }
        if !matches!(self.state, State::Ended) {
            self.state = State::Open(self.unfinished.open(self.peer, self.is_reflection)?);
        }
        Ok(())
    }
}

impl<B> Body for BoundedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<NextFrame>> {
        match &self.state {
            State::Begun(..) => self.poll_begun(cx),
            State::Open(holding) if holding.poll_recalled(cx).is_ready() => {
                self.ahead = None;
                Poll::Ready(self.fail(no_room()))
            }
            State::Open(_) => match self.ahead.take() {
                Some(frame) => Poll::Ready(Some(frame)),
                None => self.poll_body(cx),
            },
            State::Ended => Poll::Ready(self.ahead.take()),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_none() && (matches!(self.state, State::Ended) || self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests;
