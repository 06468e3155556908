use std::sync::atomic::AtomicBool;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    task::JoinHandle,
};

use super::*;
use crate::{
    admin::Metrics,
    config::NonceReuse,
    domain::Time,
    journal::MemoryJournal,
    webhook::{AtOnce, Parts, Settings},
};

const IDLE: Duration = Duration::from_secs(60);
const HEADER: Duration = Duration::from_secs(10);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: h\r\n\r\n";
/// A preface and empty settings.
const HTTP2_HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A connection to a front, the token that drains it, and its task.
fn connected() -> (DuplexStream, CancellationToken, JoinHandle<()>) {
    let (stream, drain, task, _) = counted();
    (stream, drain, task)
}

/// The same, with where it counts.
fn counted() -> (
    DuplexStream,
    CancellationToken,
    JoinHandle<()>,
    Arc<Metrics>,
) {
    let metrics = Arc::new(Metrics::new());
    let settings = Settings {
        body_bytes_max: 1024,
        freshness_window: Duration::from_secs(600),
        nonce_reuse: NonceReuse::Count,
        nonce_pairs_max: 16,
        connections_max: 16,
        requests_max: 16,
        header_read_timeout: HEADER,
        body_read_timeout: Duration::from_secs(20),
        idle_timeout: IDLE,
    };
    let front = Front::new(Parts {
        settings,
        apps: Arc::default(),
        journal: Arc::new(MemoryJournal::new()),
        visible: Arc::new(AtOnce),
        metrics: Arc::clone(&metrics),
        clock: Arc::new(|| Time::MIN),
        ready: Arc::new(AtomicBool::new(true)),
    });
    let (ours, theirs) = duplex(64 * 1024);
    let drain = CancellationToken::new();
    let run = run(theirs, Arc::new(front), Arc::new(protocol()), drain.clone());
    (ours, drain, tokio::spawn(run), metrics)
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
        start.elapsed() < HEADER + Duration::from_secs(3),
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
        taken >= HEADER && taken <= HEADER + Duration::from_secs(2),
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
async fn heads_that_are_too_long_or_too_many_are_refused() {
    let long = format!(
        "GET / HTTP/1.1\r\nx: {}\r\n\r\n",
        "x".repeat(HEAD_BYTES_MAX)
    );
    let many = format!(
        "GET / HTTP/1.1\r\n{}\r\n",
        "x: y\r\n".repeat(HEADERS_MAX + 1)
    );
    for head in [long, many] {
        let (mut stream, _drain, task) = connected();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn heads_that_cannot_be_read_or_do_not_come_are_counted() {
    let long = format!(
        "GET / HTTP/1.1\r\nx: {}\r\n\r\n",
        "x".repeat(HEAD_BYTES_MAX)
    );
    for (said, counts) in [
        (long.as_bytes(), 1),
        (b"not HTTP at all\r\n\r\n", 1),
        (b"GET / HTTP/1.1\r\nhost h\r\n\r\n", 1),
        (b"GET / HTTP/1.1\r\nho", 1),
        // Without a head there is nothing to count.
        (b"", 0),
        (REQUEST, 0),
        (HTTP2_HELLO, 0),
    ] {
        let (mut stream, _drain, task, metrics) = counted();
        stream.write_all(said).await.unwrap();
        task.await.unwrap();
        let malformed = metrics.webhook.requests_malformed.get();
        assert_eq!(malformed, counts, "{:?}", String::from_utf8_lossy(said));
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_who_goes_away_or_a_drain_is_no_malformed_request() {
    for is_drain in [false, true] {
        let (mut stream, drain, task, metrics) = counted();
        stream.write_all(b"GET / HTT").await.unwrap();
        if is_drain {
            drain.cancel();
        } else {
            drop(stream);
        }
        task.await.unwrap();
        assert_eq!(metrics.webhook.requests_malformed.get(), 0);
    }
    let page = Metrics::new().encode();
    assert!(page.contains("headcount_requests_malformed_total 0\n"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_holds_an_early_answer_up_for_a_second() {
    for (length, wait) in [("9", 1), ("1025", 0)] {
        let (mut stream, _drain, task) = connected();
        let start = Instant::now();
        let head = format!("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        assert_about(start.elapsed(), Duration::from_secs(wait));
        // What still comes is thrown away, but not for ever.
        while stream.write_all(&[b' '; 1000]).await.is_ok() {
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        task.await.unwrap();
        let taken = start.elapsed();
        assert!(
            taken <= Duration::from_millis(wait * 1000 + 1100),
            "{taken:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_who_closes_his_side_too_is_not_waited_for() {
    let (mut stream, _drain, task) = connected();
    let head = b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1025\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    drop(stream);
    assert_about(closed_after(task).await, Duration::ZERO);
}
