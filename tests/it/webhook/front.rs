//! What every callback is answered, and what slow, greedy and broken senders get.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use bytes::Bytes;
use headcount::{
    domain::{Decoded, Outcome, ProductName, Time},
    journal::{Entry, Payload},
    providers::zego,
    webhook::{NonceReuse, Reason, WebhookSettings},
};
use http::{Method, Request, header};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{Notify, mpsc},
};

use super::service::*;

const LOGIN: &str = r#""event":"room_login","room_id":"r","room_seq":"1","user_account":"ann","user_nickname":"100% + ann","login_time":"1700000000000""#;
const LOGOUT: &str = r#""event":"room_logout","room_id":"r","room_seq":"1","user_account":"ann","logout_time":"1700000000001""#;
const UNDECODABLE: &str = r#""event":"room_login","room_id":"r","room_seq":"1""#;
const IGNORED: &str = r#""event":"stream_create""#;

// === what is taken ===

#[tokio::test]
async fn an_accepted_callback_is_durable_and_visible_before_the_answer() {
    let service = Service::start().await;
    let body = signed("1", LOGIN);
    service.post(body.clone()).await.assert_outcome("accepted");

    assert_eq!(service.taken(Outcome::Accepted), 1);
    assert_eq!(service.visible.0.load(SeqCst), 1);
    let entries = service.journal.entries.lock();
    assert_eq!(
        entries[0].received_at,
        Time::from_millis(NOW * 1000).unwrap()
    );
    let Payload::Callback(callback) = &entries[0].payload else {
        panic!("{entries:?}");
    };
    assert_eq!(callback.app.as_str(), "arena");
    assert_eq!(callback.product, ProductName::new("zego_room"));
    assert_eq!(callback.body, body);
    assert!(matches!(&*callback.decoded, Decoded::Room(events) if events.len() == 1));
}

#[tokio::test]
async fn every_spelling_is_accepted_and_kept_as_it_came() {
    let service = Service::start().await;
    let json = signed("1", LOGIN);
    let percent = percent_encoding::utf8_percent_encode(&json, percent_encoding::NON_ALPHANUMERIC);
    let signature = zego::sign(SECRET, &NOW.to_string(), "1");
    let form = format!(
        "appid=1&timestamp={NOW}&nonce=1&signature={signature}&event=room_login&room_id=r&room_seq=1\
         &user_account=ann&user_nickname=100%25+%2B+ann&login_time=1700000000000"
    );
    for body in [json.clone(), percent.to_string(), form] {
        service.post(body.clone()).await.assert_outcome("accepted");
        let Payload::Callback(callback) = service.journal.entries.lock().pop().unwrap().payload
        else {
            panic!("not a callback");
        };
        assert_eq!(callback.body, body);
    }
    assert_eq!(service.metrics.nonce_reuse.get(), 0, "they say the same");
}

#[tokio::test]
async fn the_query_is_kept() {
    let service = Service::start().await;
    let path = format!("{PATH}?a=1&B=%20");
    let answer = service
        .send(request(Method::POST, &path, full(signed("1", LOGIN))))
        .await;
    answer.assert_outcome("accepted");
    let Payload::Callback(callback) = service.journal.entries.lock().pop().unwrap().payload else {
        panic!("not a callback");
    };
    assert_eq!(&*callback.query, "a=1&B=%20");
}

#[tokio::test]
async fn events_of_no_use_are_acknowledged_and_not_kept() {
    let service = Service::start().await;
    service
        .post(signed("1", IGNORED))
        .await
        .assert_outcome("ignored");
    service
        .post(signed("2", r#""event":"other""#))
        .await
        .assert_outcome("ignored");
    assert_eq!(
        (service.taken(Outcome::Ignored), service.journalled()),
        (2, 0)
    );
    assert_eq!(service.metrics.nonce_reuse.get(), 0);
}

#[tokio::test]
async fn an_undecodable_callback_is_kept_without_effect_and_told() {
    let service = Service::start().await;
    let answer = service.post(signed("1", UNDECODABLE)).await;
    answer.assert_outcome("undecodable");
    assert!(
        answer.body.contains("user_account is missing"),
        "{answer:?}"
    );
    assert_eq!(service.taken(Outcome::Undecodable), 1);
    let entries = service.journal.entries.lock();
    let [
        Entry {
            payload: Payload::Callback(callback),
            ..
        },
    ] = &entries[..]
    else {
        panic!("{entries:?}");
    };
    assert!(matches!(&*callback.decoded, Decoded::Undecodable { .. }));
}

// === what is refused ===

#[tokio::test]
async fn a_body_that_is_no_object_is_400() {
    let service = Service::start().await;
    for body in [
        &b""[..],
        b"hello",
        b"[]",
        b"\"text\"",
        b"{",
        b"{\"a\":\xff}",
        b"a=%FF",
    ] {
        let answer = service.post(body).await;
        answer.assert_refused(400, Reason::MalformedBody, "the body is");
    }
    assert_eq!(
        (service.refused(Reason::MalformedBody), service.journalled()),
        (7, 0)
    );
}

#[tokio::test]
async fn a_callback_that_is_not_authentic_is_401_whatever_it_says() {
    let service = Service::start().await;
    let window = settings().freshness_window.as_secs();
    for event in [LOGIN, IGNORED, UNDECODABLE] {
        let signed = signed("1", event);
        let rows = [
            (
                signed.replace("signature", "sig"),
                Reason::SignatureMissing,
                "signature",
            ),
            (
                signed.replace("nonce", "n"),
                Reason::SignatureMissing,
                "nonce",
            ),
            (
                signed.replace(r#""nonce":"1""#, r#""nonce":"2""#),
                Reason::SignatureWrong,
                "signature",
            ),
            (
                signed_at(NOW - window - 1, "1", event),
                Reason::SignatureStale,
                "timestamp",
            ),
            (
                signed_at(NOW + window + 1, "1", event),
                Reason::SignatureStale,
                "timestamp",
            ),
            (
                signed.replace(r#""appid":1"#, r#""appid":2"#),
                Reason::UnknownApp,
                "appid",
            ),
        ];
        for (body, reason, word) in rows {
            let before = service.refused(reason);
            service.post(body).await.assert_refused(401, reason, word);
            assert_eq!(service.refused(reason), before + 1);
        }
    }
    assert_eq!(service.journalled(), 0);
    service
        .post(signed_at(NOW - window, "1", LOGIN))
        .await
        .assert_outcome("accepted");
}

#[tokio::test]
async fn a_signature_with_other_events_is_counted_by_default() {
    let service = Service::start().await;
    service
        .post(signed("1", LOGIN))
        .await
        .assert_outcome("accepted");
    service
        .post(signed("1", &format!(r#""new":1,{LOGIN}"#)))
        .await
        .assert_outcome("accepted");
    assert_eq!(service.metrics.nonce_reuse.get(), 0, "a retry written anew");
    service
        .post(signed("1", LOGOUT))
        .await
        .assert_outcome("accepted");
    assert_eq!(service.metrics.nonce_reuse.get(), 1);
    assert_eq!(service.journalled(), 3);
}

#[tokio::test]
async fn a_signature_with_other_events_is_401_if_so_configured() {
    let nonce_reuse = NonceReuse::Refuse;
    let service = Service::start_with(WebhookSettings {
        nonce_reuse,
        ..settings()
    })
    .await;
    service
        .post(signed("1", LOGIN))
        .await
        .assert_outcome("accepted");
    service
        .post(signed("1", LOGOUT))
        .await
        .assert_refused(401, Reason::NonceReused, "nonce");
    service
        .post(signed("1", UNDECODABLE))
        .await
        .assert_refused(401, Reason::NonceReused, "nonce");
    service
        .post(signed("1", LOGIN))
        .await
        .assert_outcome("accepted");
    service
        .post(signed("2", LOGOUT))
        .await
        .assert_outcome("accepted");
    assert_eq!(
        (service.journalled(), service.metrics.nonce_reuse.get()),
        (3, 2)
    );
}

#[tokio::test]
async fn a_signature_of_an_event_of_no_use_signs_nothing_else() {
    let service = Service::start_with(WebhookSettings {
        nonce_reuse: NonceReuse::Refuse,
        ..settings()
    })
    .await;
    let said = r#""event":"stream_create","stream":{"id":"s","n":[1]},"at":7"#;
    let again = r#""at":"7","stream": {"id": "s", "n": [1]},"event":"stream_create","x":null"#;
    for said in [said, again, said] {
        let answer = service.post(signed("1", said)).await;
        answer.assert_outcome("ignored");
    }
    assert_eq!(service.metrics.nonce_reuse.get(), 0);
    for other in [
        LOGIN,
        UNDECODABLE,
        IGNORED,
        r#""event":"stream_close","stream":{"id":"s","n":[1]},"at":7"#,
        r#""event":"stream_create","stream":{"id":"t","n":[1]},"at":7"#,
    ] {
        let answer = service.post(signed("1", other)).await;
        answer.assert_refused(401, Reason::NonceReused, "nonce");
    }
    // The other way round, and on the other path.
    service
        .post(signed("2", LOGIN))
        .await
        .assert_outcome("accepted");
    for path in [PATH, "/webhooks/zim"] {
        let body = full(signed("2", IGNORED));
        let answer = service.send(request(Method::POST, path, body)).await;
        answer.assert_refused(401, Reason::NonceReused, "nonce");
    }
    assert_eq!(service.journalled(), 1);
}

#[tokio::test]
async fn what_cannot_be_decoded_is_compared_by_what_it_says() {
    let service = Service::start_with(WebhookSettings {
        nonce_reuse: NonceReuse::Refuse,
        ..settings()
    })
    .await;
    let again = r#""room_seq":1,"room_id":"r","event":"room_login""#;
    for said in [UNDECODABLE, again] {
        let answer = service.post(signed("1", said)).await;
        answer.assert_outcome("undecodable");
    }
    // The same is wrong with it, but it is of another room.
    let other = UNDECODABLE.replace(r#""r""#, r#""s""#);
    for other in [&*other, LOGIN, IGNORED] {
        let answer = service.post(signed("1", other)).await;
        answer.assert_refused(401, Reason::NonceReused, "nonce");
    }
}

#[tokio::test]
async fn an_id_that_is_too_long_is_undecodable() {
    let service = Service::start().await;
    let long = LOGIN.replace(r#""r""#, &format!(r#""{}""#, "r".repeat(1025)));
    let answer = service.post(signed("1", &long)).await;
    answer.assert_outcome("undecodable");
    assert!(answer.body.contains("room_id is longer"), "{answer:?}");
}

#[tokio::test]
async fn other_paths_are_404_and_other_methods_405() {
    let service = Service::start().await;
    for path in [
        "/",
        "/webhooks",
        "/webhooks/zego/",
        "/webhooks/ZEGO",
        "/webhooks/zego/x",
    ] {
        let answer = service.send(request(Method::POST, path, full("{}"))).await;
        answer.assert_refused(404, Reason::NotFound, "here");
    }
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let answer = service.send(request(method, PATH, full(""))).await;
        answer.assert_refused(405, Reason::MethodNotAllowed, "POST");
        assert_eq!(answer.header(header::ALLOW), Some("POST"));
    }
}

#[tokio::test]
async fn a_journal_that_fails_is_503_so_that_the_vendor_sends_again() {
    let service = Service::start_on(settings(), Store::Fails).await;
    for event in [LOGIN, UNDECODABLE] {
        let answer = service.post(signed("1", event)).await;
        answer.assert_refused(503, Reason::Unavailable, "durable");
        assert!(!answer.body.contains("disk"), "{answer:?}");
    }
    service
        .post(signed("3", IGNORED))
        .await
        .assert_outcome("ignored");
    assert_eq!(service.taken(Outcome::Accepted), 0);
}

#[tokio::test]
async fn before_it_is_ready_everything_is_503() {
    let service = Service::start().await;
    service.ready.store(false, SeqCst);
    service
        .post(signed("1", LOGIN))
        .await
        .assert_refused(503, Reason::NotReady, "starting");
    let answer = service.send(request(Method::GET, "/", full(""))).await;
    answer.assert_refused(503, Reason::NotReady, "starting");
    service.ready.store(true, SeqCst);
    service
        .post(signed("1", LOGIN))
        .await
        .assert_outcome("accepted");
    assert_eq!(service.journalled(), 1);
}

// === limits ===

#[tokio::test]
async fn a_body_is_taken_up_to_the_limit_and_is_413_beyond() {
    let service = Service::start().await;
    let fits = signed("1", LOGIN);
    let padding = " ".repeat(BODY_MAX - fits.len());
    service
        .post(format!("{fits}{padding}"))
        .await
        .assert_outcome("accepted");
    service
        .post(format!("{fits}{padding} "))
        .await
        .assert_refused(413, Reason::BodyTooLarge, "4096");

    let (chunks, request) = chunked();
    for chunk in [fits, padding, " ".to_owned()] {
        chunks.send(chunk.into()).unwrap();
    }
    // Not ended: the answer must not wait for the rest.
    service
        .send(request)
        .await
        .assert_refused(413, Reason::BodyTooLarge, "4096");
    assert_eq!(service.journalled(), 1);
}

#[tokio::test]
async fn an_announced_body_that_is_too_long_is_not_waited_for() {
    let service = Service::start().await;
    let mut stream = TcpStream::connect(service.addr).await.unwrap();
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: h\r\ncontent-length: 4097\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    soon(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_body_in_pieces_is_put_together() {
    let service = Service::start().await;
    let body = signed("1", LOGIN);
    let (chunks, request) = chunked();
    for chunk in body.as_bytes().chunks(7) {
        chunks.send(Bytes::copy_from_slice(chunk)).unwrap();
    }
    drop(chunks);
    service.send(request).await.assert_outcome("accepted");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_408() {
    let body_read_timeout = Duration::from_millis(50);
    let service = Service::start_with(WebhookSettings {
        body_read_timeout,
        ..settings()
    })
    .await;
    let (chunks, request) = chunked();
    chunks.send(Bytes::from_static(b"{")).unwrap();
    service
        .send(request)
        .await
        .assert_refused(408, Reason::BodyTimeout, "too long");
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let idle_timeout = Duration::from_millis(50);
    let header_read_timeout = Duration::from_millis(50);
    let limits = WebhookSettings {
        idle_timeout,
        header_read_timeout,
        ..settings()
    };
    let service = Service::start_with(limits).await;
    for said in [&b""[..], b"POST /webhooks/zego HTTP/1.1\r\nhost: h"] {
        let mut stream = TcpStream::connect(service.addr).await.unwrap();
        stream.write_all(said).await.unwrap();
        let mut answer = Vec::new();
        // Either end of the connection will do.
        let _ = soon(stream.read_to_end(&mut answer)).await;
        assert!(answer.is_empty(), "{answer:?}");
    }
    // And one that has asked before.
    let mut client = service.connect().await;
    client
        .send(post(signed("1", LOGIN)))
        .await
        .assert_outcome("accepted");
    while !client.requests.is_closed() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_request_too_many_is_503() {
    let (held_tx, mut held_rx) = mpsc::unbounded_channel();
    let store = Store::Holds {
        held: held_tx,
        go: Notify::new(),
    };
    let service = Service::start_on(
        WebhookSettings {
            requests_max: 1,
            ..settings()
        },
        store,
    )
    .await;
    let mut first = service.connect().await;
    let first = tokio::spawn(async move { first.send(post(signed("1", LOGIN))).await });
    held_rx.recv().await.unwrap();

    service
        .post(signed("2", LOGIN))
        .await
        .assert_refused(503, Reason::Overloaded, "requests");
    let Store::Holds { go, .. } = &service.journal.store else {
        unreachable!();
    };
    go.notify_one();
    first.await.unwrap().assert_outcome("accepted");
    go.notify_one();
    service
        .post(signed("2", LOGIN))
        .await
        .assert_outcome("accepted");
}

#[tokio::test]
async fn a_connection_too_many_is_told_so_and_closed() {
    let service = Service::start_with(WebhookSettings {
        connections_max: 1,
        ..settings()
    })
    .await;
    let mut first = service.connect().await;
    first
        .send(post(signed("1", LOGIN)))
        .await
        .assert_outcome("accepted");
    assert_eq!(service.metrics.connections.open.get(), 1);

    let mut second = TcpStream::connect(service.addr).await.unwrap();
    let mut answer = String::new();
    soon(second.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.ends_with(r#"{"error":"overloaded","message":"too many connections at once"}"#));
    assert_eq!(service.metrics.connections.refused.get(), 1);

    drop(first);
    while service.metrics.connections.open.get() > 0 {
        tokio::task::yield_now().await;
    }
    service
        .post(signed("2", LOGIN))
        .await
        .assert_outcome("accepted");
}

// === early answers ===

const CLOSES: &str = "connection: close\r\n";

/// An answer of HTTP/1.1, as it comes.
async fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // All bodies are objects.
    while !answer.ends_with(b"}") {
        let read = soon(stream.read_buf(&mut answer)).await;
        assert_ne!(read.unwrap(), 0, "closed after {answer:?}");
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn an_early_answer_waits_for_the_body_and_keeps_the_connection() {
    let service = Service::start().await;
    let mut stream = TcpStream::connect(service.addr).await.unwrap();
    for (method, path, reason) in [
        ("POST", "/nowhere", Reason::NotFound),
        ("PUT", PATH, Reason::MethodNotAllowed),
        ("PUT", PATH, Reason::NotReady),
    ] {
        for (framing, body) in [
            ("content-length: 9", "{\"a\": 12}"),
            ("transfer-encoding: chunked", "2\r\n{}\r\n0\r\n\r\n"),
        ] {
            service.ready.store(reason != Reason::NotReady, SeqCst);
            let before = service.refused(reason);
            let head = format!("{method} {path} HTTP/1.1\r\nhost: h\r\n{framing}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            // The body comes when the head alone was refused.
            while service.refused(reason) == before {
                tokio::task::yield_now().await;
            }
            stream.write_all(body.as_bytes()).await.unwrap();
            let answer = read_answer(&mut stream).await;
            assert!(answer.contains(reason.code()), "{answer}");
            assert!(!answer.contains(CLOSES), "{answer}");
        }
    }
    service.ready.store(true, SeqCst);
    let body = signed("1", LOGIN);
    let length = body.len();
    let request =
        format!("POST {PATH} HTTP/1.1\r\nhost: h\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_sender_of_far_too_much_gets_the_answer_after_sending_it() {
    const SENT: usize = 20 * 1024 * 1024;
    let service = Service::start().await;
    let chunked_head = "transfer-encoding: chunked\r\n\r\n1400000".to_owned();
    assert_eq!(SENT, 0x1400000);
    for framing in [format!("content-length: {SENT}\r\n"), chunked_head] {
        for (path, status) in [(PATH, 413), ("/nowhere", 404)] {
            let mut stream = TcpStream::connect(service.addr).await.unwrap();
            let head = format!("POST {path} HTTP/1.1\r\nhost: h\r\n{framing}\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            soon(stream.write_all(&vec![b' '; SENT])).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answer = String::new();
            soon(stream.read_to_string(&mut answer)).await.unwrap();
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{answer}"
            );
            assert!(answer.contains(CLOSES), "{answer}");
            assert!(answer.ends_with('}'), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_sender_that_asks_before_sending_is_answered_at_once() {
    let service = Service::start().await;
    let mut stream = TcpStream::connect(service.addr).await.unwrap();
    let head =
        "POST /nowhere HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert!(answer.contains(CLOSES), "{answer}");
}

// === connections ===

#[tokio::test]
async fn one_connection_carries_many_requests_refused_ones_too() {
    let service = Service::start().await;
    let mut client = service.connect().await;
    for nonce in ["1", "2", "3"] {
        client
            .send(post(signed(nonce, LOGIN)))
            .await
            .assert_outcome("accepted");
        client
            .send(post("{}"))
            .await
            .assert_refused(401, Reason::SignatureMissing, "signature");
    }
    assert_eq!(service.metrics.connections.open.get(), 1);
}

#[tokio::test]
async fn http2_without_tls_is_served_on_the_same_port() {
    let service = Service::start().await;
    let stream = TcpStream::connect(service.addr).await.unwrap();
    let (mut requests, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let uri = format!("http://{}{PATH}", service.addr);
    let sent = ["1", "2", "3"].map(|nonce| {
        let request = Request::post(&uri)
            .body(full(signed(nonce, LOGIN)))
            .unwrap();
        requests.send_request(request)
    });
    for response in sent {
        Answer::of(response.await.unwrap())
            .await
            .assert_outcome("accepted");
    }
    let long = Request::post(&uri)
        .body(full(" ".repeat(BODY_MAX + 1)))
        .unwrap();
    let answer = Answer::of(requests.send_request(long).await.unwrap()).await;
    answer.assert_refused(413, Reason::BodyTooLarge, "4096");
    assert_eq!(service.journalled(), 3);
}

#[tokio::test]
async fn a_sender_that_ends_its_side_gets_its_answer() {
    let (held_tx, mut held_rx) = mpsc::unbounded_channel();
    let store = Store::Holds {
        held: held_tx,
        go: Notify::new(),
    };
    let service = Service::start_on(settings(), store).await;
    let body = signed("1", LOGIN);
    let mut stream = TcpStream::connect(service.addr).await.unwrap();
    let request = format!(
        "POST {PATH} HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    // The end has come when the request is in work.
    held_rx.recv().await.unwrap();
    let Store::Holds { go, .. } = &service.journal.store else {
        unreachable!();
    };
    go.notify_one();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn a_drain_answers_what_is_in_work_and_takes_nothing_more() {
    for is_http2 in [false, true] {
        let (held_tx, mut held_rx) = mpsc::unbounded_channel();
        let store = Store::Holds {
            held: held_tx,
            go: Notify::new(),
        };
        let service = Service::start_on(settings(), store).await;
        let addr = service.addr;
        let body = signed("1", LOGIN);
        let sent = tokio::spawn(async move {
            let io = TokioIo::new(TcpStream::connect(addr).await.unwrap());
            let uri = format!("http://{addr}{PATH}");
            let request = Request::post(uri).body(full(body)).unwrap();
            let response = if is_http2 {
                let (mut requests, connection) =
                    http2::handshake(TokioExecutor::new(), io).await.unwrap();
                tokio::spawn(connection);
                requests.send_request(request).await
            } else {
                let (mut requests, connection) = http1::handshake(io).await.unwrap();
                tokio::spawn(connection);
                requests.send_request(request).await
            };
            Answer::of(response.unwrap()).await
        });
        held_rx.recv().await.unwrap();
        let idle = service.connect().await;

        service.drain.cancel();
        // The idle one is closed, and nothing more is accepted.
        while !idle.requests.is_closed() || TcpStream::connect(addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(!service.task.is_finished(), "a request is in work");
        let Store::Holds { go, .. } = &service.journal.store else {
            unreachable!();
        };
        go.notify_one();
        sent.await.unwrap().assert_outcome("accepted");
        service.task.await.unwrap();
        assert_eq!(service.metrics.connections.open.get(), 0);
    }
}
