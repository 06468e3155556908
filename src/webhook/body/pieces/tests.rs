use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr},
    pin::pin,
};

use futures_util::StreamExt as _;
use http_body_util::StreamBody;
use prometheus_client::metrics::counter::Counter;
use tokio::{sync::mpsc, time::sleep};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_test::{assert_pending, assert_ready, assert_ready_eq, task};

use super::*;
use crate::net::budget::{Limits, Trust};

const RATE_MIN: usize = 100;

fn budget(all_max: usize) -> Budget {
    let peer_max = all_max / 2;
    let limits = Limits { all_max, peer_max };
    Budget::new("tests", limits, Trust::default(), Counter::default())
}

fn terms<'a>(budget: &'a Budget, headers: &'a HeaderMap, of: u8) -> Terms<'a> {
    Terms {
        budget,
        peer: Peer::from(IpAddr::from(Ipv4Addr::new(192, 0, 2, of))),
        headers,
        within: Duration::from_secs(10),
        rate_min: RATE_MIN,
    }
}

/// Where the pieces of a body are sent, and the body.
fn body() -> (
    mpsc::UnboundedSender<Bytes>,
    impl Body<Data = Bytes, Error = Infallible>,
) {
    let (pieces_tx, pieces) = mpsc::unbounded_channel();
    let frames = UnboundedReceiverStream::new(pieces).map(|data| Ok(Frame::data(data)));
    (pieces_tx, StreamBody::new(frames))
}

fn bytes(count: usize) -> Bytes {
    vec![b' '; count].into()
}

#[tokio::test]
async fn a_body_that_is_there_takes_nothing() {
    let (budget, headers) = (budget(0), HeaderMap::new());
    let (pieces_tx, body) = body();
    let mut body = pin!(body);
    pieces_tx.send(bytes(50_000)).unwrap();
    pieces_tx.send(bytes(50_000)).unwrap();
    drop(pieces_tx);
    let mut pieces = Pieces::new(body.as_mut(), terms(&budget, &headers, 1));
    for _ in 0..2 {
        assert_eq!(pieces.next().await.unwrap().unwrap().len(), 50_000);
        pieces.keep(50_000).unwrap();
    }
    assert_eq!(pieces.next().await, Ok(None));
}

#[tokio::test]
async fn a_body_that_is_waited_for_counts_with_its_head_and_what_came() {
    let (budget, mut headers) = (budget(1 << 20), HeaderMap::new());
    let (pieces_tx, body) = body();
    let mut body = pin!(body);
    headers.insert("host", "h".parse().unwrap());
    let head = REQUEST_BYTES + head_bytes(&headers);
    {
        let mut pieces = Pieces::new(body.as_mut(), terms(&budget, &headers, 1));
        pieces_tx.send(bytes(7)).unwrap();
        pieces.next().await.unwrap();
        pieces.keep(7).unwrap();
        assert_eq!(budget.held(), 0);
        // Polled until it really waits: it looks some times before.
        let mut next = task::spawn(pieces.next());
        while budget.held() == 0 {
            assert_pending!(next.poll());
        }
        drop(next);
        assert_eq!(budget.held(), head + 7);
        pieces.keep(5).unwrap();
        assert_eq!(budget.held(), head + 12);
        assert_eq!(pieces.keep(1 << 20), Err(Stop::NoRoom));
    }
    assert_eq!(budget.held(), 0);
}

#[tokio::test]
async fn a_stranger_who_takes_more_gives_up_what_they_had() {
    let (budget, headers) = (budget(4 * REQUEST_BYTES), HeaderMap::new());
    let (_tx, bodies) = (0..4).map(|_| body()).unzip::<_, _, Vec<_>, Vec<_>>();
    let waits = bodies.into_iter().enumerate().map(|(i, body)| {
        let terms = terms(&budget, &headers, if i == 0 { 1 } else { 2 });
        async move { Pieces::new(pin!(body), terms).next().await }
    });
    let mut waits: Vec<_> = waits.map(task::spawn).collect();
    for wait in &mut waits {
        for _ in 0..=LOOKS {
            assert_pending!(wait.poll());
        }
    }
    let woken: Vec<_> = waits.iter().map(task::Spawn::is_woken).collect();
    assert_eq!(woken, [false, true, false, false]);
    assert_ready_eq!(waits[1].poll(), Err(Stop::NoRoom));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_brings_too_little_is_given_up() {
    let (budget, headers) = (budget(1 << 20), HeaderMap::new());
    // How many bytes come at once and then each second, and after how many tenths of a second
    // that is given up.
    let rows = [
        (0, 0, 20),
        (300, 0, 50),
        (0, 40, 28),
        (50_000, 0, 100),
        (0, 200, 100),
    ];
    for (first, then, given_up) in rows {
        let (pieces_tx, body) = body();
        let mut body = pin!(body);
        let mut pieces = Pieces::new(body.as_mut(), terms(&budget, &headers, 1));
        let began = Instant::now();
        let send = async {
            pieces_tx.send(bytes(first)).unwrap();
            loop {
                sleep(Duration::from_secs(1)).await;
                pieces_tx.send(bytes(then)).unwrap();
            }
        };
        let read = async {
            while pieces.next().await.is_ok() {}
            began.elapsed().as_millis() / 100
        };
        let stopped = tokio::select! {
            stopped = read => stopped,
            () = send => unreachable!(),
        };
        assert_eq!(stopped, given_up, "{first}, {then}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_says_so() {
    let (budget, headers) = (budget(0), HeaderMap::new());
    let broken = futures_util::stream::iter([Err::<Frame<Bytes>, _>("reset")]);
    let mut body = pin!(StreamBody::new(broken));
    let mut pieces = Pieces::new(body.as_mut(), terms(&budget, &headers, 1));
    let mut next = task::spawn(pieces.next());
    assert_eq!(assert_ready!(next.poll()), Err(Stop::BrokeOff));
}
