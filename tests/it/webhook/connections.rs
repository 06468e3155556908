//! What a connection is used for: answers before the end of a body, many requests, and a drain.

use headcount::webhook::{Reason, WebhookSettings};
use http::Request;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{events::LOGIN, service::*};

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
            service.ready.set(reason != Reason::NotReady);
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
    service.ready.set(true);
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
async fn slow_heads_make_room_and_who_proved_themselves_stays() {
    let service = Service::start_with(WebhookSettings {
        connections_max: 3,
        connections_per_address_max: 2,
        ..settings()
    })
    .await;
    let mut vendor = service.connect().await;
    let sent = vendor.send(post(signed("1", LOGIN))).await;
    sent.assert_outcome("accepted");
    let mut slow = Vec::new();
    for _ in 0..10 {
        let mut stream = TcpStream::connect(service.addr).await.unwrap();
        stream.write_all(b"POST /webhooks/zego HTT").await.unwrap();
        slow.push(stream);
        let health = Request::get("/healthz").body(full("")).unwrap();
        assert_eq!(service.send(health).await.status, 200);
    }
    let sent = vendor.send(post(signed("2", LOGIN))).await;
    sent.assert_outcome("accepted");
    let connections = &service.metrics.connections;
    assert_eq!(connections.refused.get(), 0);
    assert!(connections.displaced.get() > 0);
}

#[tokio::test]
async fn a_sender_that_ends_its_side_gets_its_answer() {
    let (service, mut held) = Service::start_holding(settings()).await;
    let body = signed("1", LOGIN);
    let mut stream = TcpStream::connect(service.addr).await.unwrap();
    let request = format!(
        "POST {PATH} HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    // The end has come when the request is in work.
    held.recv().await.unwrap();
    service.let_go();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn a_drain_answers_what_is_in_work_and_takes_nothing_more() {
    for is_http2 in [false, true] {
        let (service, mut held) = Service::start_holding(settings()).await;
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
        held.recv().await.unwrap();
        let idle = service.connect().await;

        service.drain.cancel();
        // The idle one is closed, and nothing more is accepted.
        while !idle.requests.is_closed() || TcpStream::connect(addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(!service.task.is_finished(), "a request is in work");
        service.let_go();
        sent.await.unwrap().assert_outcome("accepted");
        service.task.await.unwrap();
        assert_eq!(service.metrics.connections.open.get(), 0);
    }
}
