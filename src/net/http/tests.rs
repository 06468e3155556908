use bytes::Bytes;
use http::StatusCode;
use http_body_util::Full;
use hyper::rt::Executor as _;
use hyper_util::rt::TokioTimer;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    task::JoinHandle,
};
use tokio_test::{assert_pending, assert_ready, task};

use super::*;
use crate::net::{ConnectionAccounts, ConnectionMetrics};

const IDLE: Duration = Duration::from_secs(60);
const STALL: Duration = Duration::from_secs(30);
const HEAD: Duration = Duration::from_secs(10);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: h\r\n\r\n";
/// A preface and empty settings.
const HTTP2_HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A connection whose requests are answered 404, the token that drains it, and its task.
fn connected() -> (DuplexStream, CancellationToken, JoinHandle<()>) {
    let tasks = StreamTasks::new("tests", STALL, &ConnectionMetrics::default());
    let http = HttpServer::new(tasks, protocol)
        .idle_timeout(IDLE)
        .head_timeout(HEAD);
    let (ours, theirs) = duplex(64 * 1024);
    let drain = CancellationToken::new();
    let answer = |_| {
        let mut answer = Response::new(Full::new(Bytes::from_static(b"{}")));
        *answer.status_mut() = StatusCode::NOT_FOUND;
        std::future::ready(answer)
    };
    let accounts = ConnectionAccounts::new("tests", 1, ConnectionMetrics::default());
    let account = Arc::new(accounts).open(None);
    let served = Arc::new(http).serve_connection(theirs, account, drain.clone(), answer);
    (ours, drain, tokio::spawn(served))
}

fn protocol(tasks: StreamTasks) -> Builder<StreamTasks> {
    let mut protocol = Builder::new(tasks);
    protocol.http1().header_read_timeout(None);
    protocol.http2().timer(TokioTimer::new());
    protocol
}

/// Asks once and waits for the whole answer.
async fn ask(stream: &mut DuplexStream) -> String {
    stream.write_all(REQUEST).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "closed");
    }
    String::from_utf8(answer).unwrap()
}

/// How long from now until the connection is closed. Time is paused: it moves
/// only as far as the next timer.
async fn closed_after(task: JoinHandle<()>) -> Duration {
    let start = Instant::now();
    task.await.unwrap();
    start.elapsed()
}

/// Timers have a resolution of a millisecond.
#[track_caller]
fn assert_about(taken: Duration, expected: Duration) {
    let late = taken.checked_sub(expected);
    assert!(
        late.is_some_and(|late| late <= Duration::from_millis(5)),
        "{taken:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed() {
    let (_stream, _drain, task) = connected();
    assert_about(closed_after(task).await, IDLE);
}

#[tokio::test(start_paused = true)]
async fn a_connection_between_requests_is_closed_after_the_idle_time_only() {
    let (mut stream, _drain, task) = connected();
    for _ in 0..3 {
        assert!(ask(&mut stream).await.starts_with("HTTP/1.1 404"));
        tokio::time::sleep(IDLE - Duration::from_secs(1)).await;
    }
    assert_about(closed_after(task).await, Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_dribbles_in_is_given_up() {
    let (mut stream, _drain, task) = connected();
    let start = Instant::now();
    let dribble = async {
        for byte in REQUEST {
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    dribble.await;
    task.await.unwrap();
    assert!(
        start.elapsed() < HEAD + Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_head_that_stops_is_given_up() {
    let (mut stream, _drain, task) = connected();
    ask(&mut stream).await;
    stream.write_all(b"POST /webhooks").await.unwrap();
    let taken = closed_after(task).await;
    assert!(
        taken >= HEAD && taken <= HEAD + Duration::from_secs(2),
        "{taken:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_preface_that_stops_is_given_up() {
    for length in [1, 3, 15, 16, 20] {
        let (mut stream, _drain, task) = connected();
        stream.write_all(&HTTP2_HELLO[..length]).await.unwrap();
        let taken = closed_after(task).await;
        assert!(
            taken <= IDLE + Duration::from_secs(2),
            "{length}: {taken:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn http2_without_a_request_is_closed_even_if_the_peer_does_not_go_along() {
    let (mut stream, _drain, task) = connected();
    stream.write_all(HTTP2_HELLO).await.unwrap();
    let taken = closed_after(task).await;
    assert!(taken <= IDLE + Duration::from_secs(2), "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn http2_pings_do_not_keep_a_connection_open() {
    const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0headcoun";
    let (mut stream, _drain, task) = connected();
    stream.write_all(HTTP2_HELLO).await.unwrap();
    let start = Instant::now();
    let (mut reads, mut writes) = tokio::io::split(stream);
    // Answers are read, so that nothing is held up by a full pipe.
    let sink = tokio::spawn(async move { while reads.read_u8().await.is_ok() {} });
    while writes.write_all(PING).await.is_ok() && !task.is_finished() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    task.await.unwrap();
    sink.await.unwrap();
    assert!(
        start.elapsed() <= IDLE + Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn frames_beside_requests_are_taken_slowly_and_requests_are_not() {
    const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0headcoun";
    const SENT: usize = 1 << 20;
    let flood = PING.repeat(SENT / PING.len());
    let requests = REQUEST.repeat(SENT / REQUEST.len());
    for (hello, sent, least) in [(HTTP2_HELLO, flood, 6), (b"", requests, 0)] {
        let (stream, _drain, _task) = connected();
        let (mut reads, mut writes) = tokio::io::split(stream);
        let sink = tokio::spawn(async move { while reads.read_u8().await.is_ok() {} });
        let start = Instant::now();
        writes.write_all(hello).await.unwrap();
        writes.write_all(&sent).await.unwrap();
        let taken = start.elapsed();
        assert!(taken >= Duration::from_secs(least), "{taken:?}");
        assert!(taken <= Duration::from_secs(2 * least), "{taken:?}");
        sink.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_closes_what_has_no_request() {
    for said in [&b""[..], b"P", b"POST /web", HTTP2_HELLO] {
        let (mut stream, drain, task) = connected();
        stream.write_all(said).await.unwrap();
        tokio::task::yield_now().await;
        drain.cancel();
        let taken = closed_after(task).await;
        assert!(taken <= Duration::from_secs(2), "{said:?}: {taken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_while_too_many_requests_have_not_started() {
    let tasks = StreamTasks::new("tests", STALL, &ConnectionMetrics::default());
    for _ in 0..unstarted::UNSTARTED_MAX {
        tasks.execute(std::future::ready(()));
    }
    let mut io = Transport::new(tokio::io::repeat(1), Activity::new(), tasks.turn());
    let mut reading = task::spawn(io.read_u8());
    assert_pending!(reading.poll());
    assert!(reading.is_woken());
    // One of them is enough.
    tokio::task::yield_now().await;
    assert_eq!(assert_ready!(reading.poll()).unwrap(), 1);
}
