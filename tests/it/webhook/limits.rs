//! The limits: of a body, of time, and of how much is at work at once.

use std::time::Duration;

use bytes::Bytes;
use headcount::webhook::{Reason, WebhookSettings};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{events::LOGIN, service::*};

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
    let limits = WebhookSettings {
        requests_max: 1,
        ..settings()
    };
    let (service, mut held) = Service::start_holding(limits).await;
    let mut first = service.connect().await;
    let first = tokio::spawn(async move { first.send(post(signed("1", LOGIN))).await });
    held.recv().await.unwrap();

    service
        .post(signed("2", LOGIN))
        .await
        .assert_refused(503, Reason::Overloaded, "requests");
    service.let_go();
    first.await.unwrap().assert_outcome("accepted");
    service.let_go();
    service
        .post(signed("2", LOGIN))
        .await
        .assert_outcome("accepted");
}

#[tokio::test]
async fn bodies_on_their_way_take_no_place_among_requests() {
    let service = Service::start_with(WebhookSettings {
        requests_max: 1,
        ..settings()
    })
    .await;
    let mut slow = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(service.addr).await.unwrap();
        let head = format!("POST {PATH} HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    while service.metrics.connections.open.get() < 3 {
        tokio::task::yield_now().await;
    }
    for nonce in ["1", "2"] {
        let sent = service.post(signed(nonce, LOGIN)).await;
        sent.assert_outcome("accepted");
    }
}

#[tokio::test]
async fn a_request_that_is_not_authentic_takes_no_place_among_requests() {
    let limits = WebhookSettings {
        requests_max: 1,
        ..settings()
    };
    let (service, mut held) = Service::start_holding(limits).await;
    let mut first = service.connect().await;
    let _first = tokio::spawn(async move { first.send(post(signed("1", LOGIN))).await });
    held.recv().await.unwrap();
    let refused = service.post("{}").await;
    refused.assert_refused(401, Reason::SignatureMissing, "signature");
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
