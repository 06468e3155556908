use std::{convert::Infallible, future::ready, pin::Pin};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use http_body_util::{Empty, Full};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, ReadBuf};
use tokio_test::{assert_pending, assert_ready, task};

use super::*;

fn account() -> ConnectionAccount {
    let accounts = ConnectionAccounts::new("tests", 100, ConnectionMetrics::default());
    Arc::new(accounts).open(None)
}

fn cancelled(account: &ConnectionAccount) -> u64 {
    account.0.front.metrics.requests_cancelled.get()
}

fn answering<B: Body>(
    account: &ConnectionAccount,
    body: B,
) -> Answering<impl Future<Output = Result<Response<B>, Infallible>>, B> {
    Answering::new(Some(account.begin()), ready(Ok(Response::new(body))))
}

#[test]
fn a_request_is_answered_when_the_first_part_of_the_body_is_taken() {
    for is_taken in [false, true] {
        let account = account();
        let mut answering = task::spawn(answering(&account, Full::new(Bytes::from("body"))));
        let response = assert_ready!(answering.poll()).unwrap();
        drop(answering);
        let mut body = task::spawn(response.into_body());
        if is_taken {
            let frame = assert_ready!(body.enter(|cx, body| body.poll_frame(cx)));
            assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), "body");
        }
        assert_eq!(account.0.in_work.load(Acquire), 1);
        drop(body);
        assert_eq!(cancelled(&account), u64::from(!is_taken));
        assert_eq!(account.0.in_work.load(Acquire), 0);
    }
}

#[test]
fn an_answer_without_a_body_waits_for_the_server_to_look_whether_it_is_wanted() {
    for is_wanted in [false, true] {
        let account = account();
        let mut answering = task::spawn(answering(&account, Empty::<Bytes>::new()));
        assert_pending!(answering.poll());
        assert!(answering.is_woken());
        if is_wanted {
            drop(assert_ready!(answering.poll()));
        }
        drop(answering);
        assert_eq!(cancelled(&account), u64::from(!is_wanted));
    }
}

#[test]
fn requests_that_do_not_count_do_not_wait() {
    let bodiless = ready(Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())));
    assert_ready!(task::spawn(Answering::new(None, bodiless)).poll()).unwrap();
}

#[test]
fn a_connection_is_ended_for_requests_that_have_not_noticed_yet_that_they_are_cancelled() {
    let account = account();
    let requests_max = 100 + 32 * 100;
    let requests: Vec<_> = (0..requests_max).map(|_| account.begin()).collect();
    assert!(!account.is_ended());
    let _one_too_many = account.begin();
    assert!(account.is_ended());
    assert_eq!(cancelled(&account), 0, "{} in work", requests.len());
    assert_eq!(account.0.front.metrics.ended.get(), 1);
}

#[test]
fn a_connection_is_ended_once() {
    let account = account();
    for _ in 0..2 {
        account.end();
    }
    assert_eq!(account.0.front.metrics.ended.get(), 1);
}

#[tokio::test]
async fn a_read_that_waits_fails_when_the_connection_is_ended() {
    let (_client, server) = tokio::io::duplex(64);
    let account = account();
    let mut io = Accounted::new(server, account.clone());
    let mut reading = task::spawn(io.read_u8());
    assert_pending!(reading.poll());
    account.end();
    assert!(reading.is_woken());
    let error = assert_ready!(reading.poll()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionAborted);
}

#[tokio::test]
async fn a_connection_that_is_ended_is_not_read_even_if_there_is_something() {
    let account = account();
    let mut io = Accounted::new(tokio::io::repeat(1), account.clone());
    io.read_u8().await.unwrap();
    account.end();
    io.read_u8().await.unwrap_err();
}

/// How many bytes a task can read before its turn is over, so many at a time.
async fn read_in_one_turn(at_once: usize) -> usize {
    let mut io = Accounted::new(tokio::io::repeat(1), account());
    let turn = std::future::poll_fn(move |cx| {
        let (mut bytes, mut sum) = (vec![0; at_once], 0);
        loop {
            let mut buf = ReadBuf::new(&mut bytes);
            let read = Pin::new(&mut io).poll_read(cx, &mut buf);
            if read.is_pending() {
                return Poll::Ready(sum);
            }
            sum += buf.filled().len();
        }
    });
    tokio::spawn(turn).await.unwrap()
}

// The shortest request has 12 bytes, its cancellation 13.
#[tokio::test]
async fn no_turn_reads_more_cancelled_requests_than_h2_may_keep() {
    for at_once in [1, 1023, 1024, 2047, 8 * 1024, 16 * 1024 + 9] {
        let read = read_in_one_turn(at_once).await;
        assert!(read > 0);
        assert!(read / 25 <= PENDING_RESETS_MAX, "{read} by {at_once}");
    }
}
