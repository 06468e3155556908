use prometheus_client::registry::Registry as Metrics;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    task::JoinHandle,
    time::Instant,
};

use super::*;
use crate::{
    domain::{Clock, Time},
    journal::MemoryJournal,
    net::{Readiness, Refusals},
    providers::Registry,
    webhook::{
        NonceReuse, Protection, Unlimited, VisibleAtOnce, WebhookMetrics, WebhookParts,
        WebhookSettings,
    },
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

/// The same, with what it counts.
fn counted() -> (
    DuplexStream,
    CancellationToken,
    JoinHandle<()>,
    Arc<WebhookMetrics>,
) {
    with_room(64 * 1024)
}

/// The same, with so much room for bodies that are on their way.
fn with_room(
    unread_bytes_max: usize,
) -> (
    DuplexStream,
    CancellationToken,
    JoinHandle<()>,
    Arc<WebhookMetrics>,
) {
    let metrics = Arc::new(WebhookMetrics::register(&mut Metrics::default()));
    let settings = WebhookSettings {
        body_bytes_max: 1024,
        freshness_window: Duration::from_secs(600),
        nonce_reuse: NonceReuse::Count,
        nonce_pairs_max: 16,
        connections_max: 16,
        connections_per_address_max: 16,
        requests_max: 16,
        header_read_timeout: HEADER,
        body_read_timeout: Duration::from_secs(20),
        body_rate_min: 1024,
        unread_bytes_max,
        idle_timeout: IDLE,
        undecodable_bytes_max: u64::MAX,
        start_wait: Duration::ZERO,
        reorder_horizon: Duration::from_secs(600),
    };
    let front = WebhookFront::new(WebhookParts {
        settings,
        protection: Protection::default(),
        registry: Registry::standard(),
        accounts: Vec::new(),
        journal: Arc::new(MemoryJournal::new()),
        visibility: Arc::new(VisibleAtOnce),
        capacity: Arc::new(Unlimited),
        metrics: Arc::clone(&metrics),
        clock: Clock::from_fn(|| Time::MIN),
        ready: Readiness::new(true),
        refusals: Refusals::new(Clock::from_fn(|| Time::MIN)),
    });
    let (ours, theirs) = duplex(64 * 1024);
    let drain = CancellationToken::new();
    let http = Arc::new(http_server(&front));
    let accounts = Arc::new(accounts(&front));
    let connection = Connection::uncounted(theirs);
    let served = serve_connection(connection, &accounts, http, Arc::new(front), drain.clone());
    (ours, drain, tokio::spawn(served), metrics)
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

#[test]
fn the_answer_to_a_connection_too_many_has_the_length_it_says() {
    let text = str::from_utf8(TOO_MANY_CONNECTIONS).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains(&format!("content-length: {}\r\n", body.len())),
        "{}",
        body.len()
    );
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
        let malformed = metrics.requests_malformed.get();
        assert_eq!(malformed, counts, "{:?}", String::from_utf8_lossy(said));
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_goes_away_or_a_drain_is_no_malformed_request() {
    for is_drain in [false, true] {
        let (mut stream, drain, task, metrics) = counted();
        stream.write_all(b"GET / HTT").await.unwrap();
        if is_drain {
            drain.cancel();
        } else {
            drop(stream);
        }
        task.await.unwrap();
        assert_eq!(metrics.requests_malformed.get(), 0);
    }
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
async fn a_sender_that_closes_its_side_too_is_not_waited_for() {
    let (mut stream, _drain, task) = connected();
    let head = b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1025\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    drop(stream);
    assert_about(closed_after(task).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_callback_in_one_packet_needs_no_room_among_those_that_are_on_their_way() {
    const HEAD: &str = "POST /webhooks/zego HTTP/1.1\r\nhost: h\r\n";
    for framed in [
        "content-length: 2\r\n\r\n{}",
        "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
    ] {
        for (is_whole, status) in [(true, "401"), (false, "503")] {
            let (mut stream, _drain, _task, _) = with_room(0);
            let sent = format!("{HEAD}{framed}");
            let sent = &sent[..sent.len() - usize::from(!is_whole)];
            stream.write_all(sent.as_bytes()).await.unwrap();
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).await.unwrap();
            let answer = str::from_utf8(&answer).unwrap();
            assert_eq!(answer, format!("HTTP/1.1 {status}"), "{sent}");
        }
    }
}
