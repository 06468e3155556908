use std::{convert::Infallible, net::IpAddr, time::Duration};

use futures_util::stream;
use http::Request;
use http_body_util::StreamBody;
use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    time::advance,
};
use tokio_test::{assert_pending, assert_ready, task};
use tonic::Code;

use super::super::{OPEN_MAX, REFLECTIONS_ENDING_MAX, REFLECTIONS_MAX, SHARES, WAITING_BYTES_MAX};
use super::*;
use crate::grpc::GrpcMetrics;

/// What an address of a stranger may have of each.
const WAITING_SHARE: usize = WAITING_BYTES_MAX / SHARES / REQUEST_BYTES;
const OPEN_SHARE: usize = OPEN_MAX / SHARES;
const REFLECTIONS_SHARE: usize = REFLECTIONS_MAX / SHARES;

/// A message of three bytes.
const MESSAGE: &[u8] = b"\0\0\0\0\x03abc";

/// A body, and what its client sends. A task of tokio reads only so much of those in one turn: tests
/// that read many are none.
struct Asked {
    body: task::Spawn<Bounded>,
    client: Option<UnboundedSender<&'static [u8]>>,
}

type Bounded = BoundedBody<Pin<Box<dyn Body<Data = Bytes, Error = Infallible>>>>;

fn unfinished() -> Arc<Unfinished> {
    Arc::new(Unfinished::new(GrpcMetrics::default()))
}

fn peer(number: u8) -> Peer {
    IpAddr::from([10, 0, 0, number]).into()
}

fn ask(unfinished: &Arc<Unfinished>, of: u8) -> Asked {
    ask_at(unfinished, of, "/service/Method")
}

fn ask_at(unfinished: &Arc<Unfinished>, of: u8, path: &str) -> Asked {
    let (client, mut sent) = unbounded_channel::<&'static [u8]>();
    let frames = stream::poll_fn(move |cx| {
        let sent = sent.poll_recv(cx);
        sent.map(|data| data.map(|data| Ok(Frame::data(Bytes::from_static(data)))))
    });
    let body: Pin<Box<dyn Body<Data = Bytes, Error = Infallible>>> =
        Box::pin(StreamBody::new(frames));
    let (head, ()) = Request::post(path).body(()).unwrap().into_parts();
    let body = BoundedBody::new(body, &head, peer(of), Arc::clone(unfinished));
    Asked {
        body: task::spawn(body),
        client: Some(client),
    }
}

impl Asked {
    fn send(&self, data: &'static [u8]) {
        self.client.as_ref().unwrap().send(data).unwrap();
    }

    fn end(&mut self) {
        self.client = None;
    }

    fn poll(&mut self) -> Poll<Option<NextFrame>> {
        self.body.enter(|cx, body| body.poll_frame(cx))
    }

    /// The next bytes, which are there; `None` at the end.
    fn next(&mut self) -> Option<Bytes> {
        let frame = assert_ready!(self.poll())?;
        Some(frame.unwrap().into_data().unwrap())
    }

    /// How the body fails, which it does at once.
    fn failure(&mut self) -> Code {
        let failure = assert_ready!(self.poll()).unwrap().unwrap_err();
        let code = failure.downcast::<Status>().unwrap().code();
        assert!(assert_ready!(self.poll()).is_none());
        code
    }
}

/// What waits, in bytes, and how many are open.
fn held(unfinished: &Unfinished) -> (usize, usize) {
    (unfinished.waiting.held(), unfinished.open.held())
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_all_there_holds_nothing() {
    let unfinished = unfinished();
    for pieces in [&[MESSAGE][..], &[&MESSAGE[..2], &MESSAGE[2..]]] {
        let mut asked = ask(&unfinished, 1);
        pieces.iter().for_each(|piece| asked.send(piece));
        asked.end();
        for piece in pieces {
            assert_eq!(asked.next().unwrap(), piece);
            assert_eq!(held(&unfinished), (0, 0));
        }
        assert_eq!(asked.next(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_holds_its_message_while_that_is_on_its_way() {
    let unfinished = unfinished();
    let mut asked = ask(&unfinished, 1);
    assert_pending!(asked.poll());
    assert_eq!(held(&unfinished), (REQUEST_BYTES, 0));
    asked.send(b"\0\0\0\x30\0");
    asked.next().unwrap();
    assert_pending!(asked.poll());
    assert_eq!(held(&unfinished), (REQUEST_BYTES + 0x3000, 0));
    drop(asked);
    assert_eq!(held(&unfinished), (0, 0));
    let mut asked = ask(&unfinished, 1);
    asked.send(b"\0\xff\xff\xff\xff");
    asked.next().unwrap();
    assert_pending!(asked.poll());
    assert_eq!(held(&unfinished), (REQUEST_BYTES + MESSAGE_BYTES_MAX, 0));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_dribbles_in_is_given_up() {
    let unfinished = unfinished();
    let mut asked = ask(&unfinished, 1);
    asked.send(b"\0\0\0\0\xff");
    for _ in 0..10 {
        asked.send(b"x");
        while let Poll::Ready(piece) = asked.poll() {
            piece.unwrap().unwrap();
        }
        advance(MESSAGE_WITHIN / 10).await;
    }
    // Timers have a resolution of a millisecond.
    advance(Duration::from_millis(1)).await;
    assert!(asked.body.is_woken());
    assert_eq!(asked.failure(), Code::DeadlineExceeded);
    assert_eq!(held(&unfinished), (0, 0));
    assert_eq!(unfinished.metrics.requests_late.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_of_a_stranger_that_waits_gives_way() {
    let unfinished = unfinished();
    let mut asked: Vec<_> = (0..=WAITING_SHARE).map(|_| ask(&unfinished, 1)).collect();
    asked
        .iter_mut()
        .for_each(|asked| assert_pending!(asked.poll()));
    assert!(asked[0].body.is_woken());
    assert_eq!(asked[0].failure(), Code::ResourceExhausted);
    assert_pending!(asked[1].poll());
    assert_eq!(unfinished.metrics.requests_displaced.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn strangers_give_way_to_those_who_are_trusted_and_take_nothing_from_them() {
    let unfinished = unfinished();
    unfinished.trust(peer(1));
    let all = WAITING_BYTES_MAX / REQUEST_BYTES;
    let mut stranger = ask(&unfinished, 2);
    assert_pending!(stranger.poll());
    let mut trusted: Vec<_> = (0..all).map(|_| ask(&unfinished, 1)).collect();
    trusted
        .iter_mut()
        .for_each(|asked| assert_pending!(asked.poll()));
    assert_eq!(stranger.failure(), Code::ResourceExhausted);
    let mut next = ask(&unfinished, 3);
    assert_eq!(next.failure(), Code::ResourceExhausted);
    assert_eq!(unfinished.metrics.requests_refused.get(), 1);
    trusted
        .iter_mut()
        .for_each(|asked| assert_pending!(asked.poll()));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_goes_on_has_a_place_until_it_ends_however_long_that_takes() {
    let unfinished = unfinished();
    let mut asked = ask(&unfinished, 1);
    assert_pending!(asked.poll());
    asked.send(MESSAGE);
    assert_eq!(asked.next().unwrap(), MESSAGE);
    assert_eq!(held(&unfinished), (0, 1));
    assert_pending!(asked.poll());
    advance(1000 * MESSAGE_WITHIN).await;
    assert_pending!(asked.poll());
    asked.send(b"more");
    assert_eq!(asked.next().unwrap(), "more");
    asked.end();
    assert_eq!(asked.next(), None);
    assert_eq!(held(&unfinished), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_came_behind_the_first_message_is_not_lost_and_has_a_place() {
    let unfinished = unfinished();
    let mut asked = ask(&unfinished, 1);
    [MESSAGE, b"more", b"still"]
        .iter()
        .for_each(|data| asked.send(data));
    asked.end();
    assert_eq!(asked.next().unwrap(), MESSAGE);
    assert!(!asked.body.is_end_stream());
    assert_eq!(held(&unfinished), (0, 1));
    assert_eq!(asked.next().unwrap(), "more");
    assert_eq!(asked.next().unwrap(), "still");
    assert_eq!(asked.next(), None);
    assert!(asked.body.is_end_stream());
}

#[test]
fn the_oldest_body_that_goes_on_gives_way_even_if_more_of_it_has_come() {
    let unfinished = unfinished();
    let mut asked: Vec<_> = (0..=OPEN_SHARE).map(|_| ask(&unfinished, 1)).collect();
    for asked in &mut asked {
        asked.send(MESSAGE);
        asked.send(b"more");
        asked.next().unwrap();
    }
    assert_eq!(asked[0].failure(), Code::ResourceExhausted);
    assert_eq!(asked[1].next().unwrap(), "more");
    assert_eq!(held(&unfinished), (0, OPEN_SHARE));
}

#[test]
fn reflections_that_gave_way_and_do_not_read_on_keep_new_ones_out_and_nobody_else() {
    let unfinished = unfinished();
    let begin_at = |path| {
        let asked = ask_at(&unfinished, 1, path);
        asked.send(MESSAGE);
        asked
    };
    let begin = || begin_at("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
    let mut asked: Vec<_> = (0..REFLECTIONS_SHARE + REFLECTIONS_ENDING_MAX)
        .map(|_| begin())
        .collect();
    for asked in &mut asked {
        asked.next().unwrap();
    }
    assert_eq!(begin().failure(), Code::ResourceExhausted);
    assert!(begin_at("/service/Method").next().is_some());
    assert_eq!(asked[0].failure(), Code::ResourceExhausted);
    assert!(begin().next().is_some());
}
