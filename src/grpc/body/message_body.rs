//! A response's body, which hands over one piece of a message at a time.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::Stream;
use http::HeaderMap;
use http_body::{Body, Frame};
use pin_project_lite::pin_project;
use tonic::{Code, Status};

use crate::grpc::{
    messages::pieces::Pieces,
    send_turns::{SendTurn, SendTurns},
};

type WaitingForTurn = Pin<Box<dyn Future<Output = Option<SendTurn>> + Send>>;

pin_project! {
    /// The body of a response: the bytes of its messages, then its status. A message is asked
    /// for when the one before was handed over.
    pub(super) struct MessageBody<S> {
        #[pin]
        messages: S,
        // The rest of the message that is being handed over.
        pieces: Option<Pieces>,
        // In which turns pieces are made; `None` if nothing is sent by a connection.
        turns: Option<SendTurns>,
        waiting: Option<WaitingForTurn>,
        ended: bool,
    }
}

impl<S> MessageBody<S> {
    /// A body of these messages. It ends with the status OK after the last, or with another
    /// status instead of a message.
    pub(super) fn new(messages: S, turns: Option<SendTurns>) -> Self {
        Self {
            messages,
            pieces: None,
            turns,
            waiting: None,
            ended: false,
        }
    }
}

impl<S: Stream<Item = Result<Pieces, Status>>> Body for MessageBody<S> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        loop {
            let is_late = this.pieces.as_ref().is_some_and(Pieces::is_next_late);
            let mut turn = None;
            if is_late && let Some(turns) = this.turns {
                let waiting = this.waiting.get_or_insert_with(|| {
                    let turns = turns.clone();
                    Box::pin(async move { turns.take().await })
                });
                turn = ready!(waiting.as_mut().poll(cx));
                *this.waiting = None;
            }
            if let Some(piece) = this.pieces.as_mut().and_then(Iterator::next) {
                let piece = match turn {
                    Some(turn) => Arc::new(turn).hold(piece),
                    None => piece,
                };
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            *this.pieces = None;
            let status = match ready!(this.messages.as_mut().poll_next(cx)) {
                Some(Ok(pieces)) => {
                    *this.pieces = Some(pieces);
                    continue;
                }
                Some(Err(status)) => status,
                None => Status::new(Code::Ok, ""),
            };
            *this.ended = true;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers(&status)))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        // The details or the message were no valid header. What matters is the code.
        trailers.clear();
        let code = Status::new(status.code(), "");
        let _ = code.add_header(&mut trailers);
    }
    trailers
}

#[cfg(test)]
mod tests {
    use std::{
        iter,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use futures_util::{FutureExt as _, stream};
    use http_body_util::BodyExt as _;
    use prometheus_client::metrics::counter::Counter;
    use tokio_test::{assert_pending, assert_ready, task};

    use super::*;
    use crate::{grpc::send_turns::AllSendTurns, net::Caller, pb};

    const LONG: &[u8] = &[7; 10_000];

    fn next(body: &mut (impl Body<Data = Bytes, Error = Infallible> + Unpin)) -> Frame<Bytes> {
        body.frame().now_or_never().unwrap().unwrap().unwrap()
    }

    fn turns() -> SendTurns {
        let all = AllSendTurns::new(1 << 20, Counter::default());
        all.of_connection(Caller::unknown().peer())
    }

    #[test]
    fn a_piece_is_made_when_it_is_asked_for() {
        let made = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&made);
        let pieces = (0..3).map(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            Bytes::from_static(LONG)
        });
        let message = Pieces::new(
            &pb::ListRoomsResponse::default(),
            pieces,
            3 * LONG.len(),
            true,
        );
        let mut body = MessageBody::new(stream::iter([Ok(message)]), None);
        assert_eq!(
            &*next(&mut body).into_data().unwrap(),
            [0, 0, 0, 0x75, 0x30]
        );
        for number in 1..=3 {
            assert_eq!(made.load(Ordering::Relaxed), number - 1);
            assert_eq!(next(&mut body).into_data().unwrap(), LONG);
        }
        let trailers = next(&mut body).into_trailers().unwrap();
        assert_eq!(trailers["grpc-status"], "0");
        assert!(body.is_end_stream());
    }

    #[test]
    fn a_short_message_is_one_piece_and_a_status_ends_the_body() {
        let head = pb::ListRoomsResponse {
            revision: 5,
            ..Default::default()
        };
        let pieces = [&b"ab"[..], b"c"].into_iter().map(Bytes::from_static);
        let messages = [
            Ok(Pieces::new(&head, pieces, 3, true)),
            Err(Status::unavailable("away")),
        ];
        let mut body = MessageBody::new(stream::iter(messages), None);
        let bytes = next(&mut body).into_data().unwrap();
        assert_eq!(&*bytes, [0, 0, 0, 0, 5, 0x18, 5, b'a', b'b', b'c']);
        let trailers = next(&mut body).into_trailers().unwrap();
        assert_eq!(trailers["grpc-status"], "14");
        assert_eq!(trailers["grpc-message"], "away");
    }

    #[test]
    fn pieces_that_are_made_late_wait_for_a_turn() {
        let turns = turns();
        let mut held = Vec::new();
        while let Some(turn) = turns.take().now_or_never() {
            held.push(turn);
        }
        for are_late in [false, true] {
            let pieces = (0..2).map(|_| Bytes::from_static(LONG));
            let bytes = 2 * LONG.len();
            let message = Pieces::new(&pb::ListRoomsResponse::default(), pieces, bytes, are_late);
            let mut body = MessageBody::new(stream::iter([Ok(message)]), Some(turns.clone()));
            assert!(next(&mut body).is_data(), "the head");
            assert_eq!(body.frame().now_or_never().is_none(), are_late);
            if are_late {
                held.pop();
            }
            while next(&mut body).is_data() {}
        }
        assert!(turns.take().now_or_never().is_some(), "it is given back");
    }

    #[test]
    fn each_late_piece_has_a_turn_of_its_own_until_it_is_dropped() {
        let turns = turns();
        let pieces = (0..2).map(|_| Bytes::from_static(LONG));
        let bytes = 2 * LONG.len();
        let message = Pieces::new(&pb::ListRoomsResponse::default(), pieces, bytes, true);
        let mut body = MessageBody::new(stream::iter([Ok(message)]), Some(turns.clone()));
        let take = || turns.take().now_or_never();
        let mut held: Vec<_> = iter::from_fn(take).collect();
        held.pop();
        assert!(next(&mut body).is_data(), "the head");
        assert!(take().is_some(), "the head needs no turn");
        let first = next(&mut body);
        assert!(take().is_none(), "its turn is the last");
        // Somebody else waits for it.
        let mut other = task::spawn(turns.take());
        assert_pending!(other.poll());
        assert!(body.frame().now_or_never().is_none());
        assert_pending!(other.poll());
        drop(first);
        let turn = assert_ready!(other.poll());
        assert!(body.frame().now_or_never().is_none());
        drop(turn);
        let second = next(&mut body);
        assert!(take().is_none(), "its turn is the last");
        assert!(next(&mut body).is_trailers());
        assert!(take().is_none(), "the second piece is not taken yet");
        drop(second);
        assert!(take().is_some());
    }
}
