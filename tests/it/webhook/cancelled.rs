//! Senders of HTTP/2 that cancel their requests.

use tokio::net::TcpStream;

use super::{events::LOGIN, service::*};
use crate::common::raw_http2::RawHttp2;

/// A flood is of so many requests, unless it is stopped before.
const FLOOD: usize = 50_000;

async fn connect(service: &Service) -> RawHttp2<TcpStream> {
    RawHttp2::connect(TcpStream::connect(service.addr).await.unwrap()).await
}

fn begin_and_cancel(client: &mut RawHttp2<TcpStream>, requests: usize) {
    for _ in 0..requests {
        let stream = client.shortest();
        client.cancel(stream);
    }
}

#[tokio::test]
async fn a_callback_outlives_many_that_its_relay_cancels_at_once() {
    let (service, mut held) = Service::start_holding(settings()).await;
    let mut client = connect(&service).await;
    let callback = client.post(PATH, "application/json", signed("1", LOGIN).as_bytes());
    assert!(client.send().await);
    soon(held.recv()).await.unwrap();
    for _ in 0..20 {
        begin_and_cancel(&mut client, 64);
        assert!(client.send().await);
        // It has read all that was sent before.
        let after = client.shortest();
        assert!(client.send().await);
        soon(client.data(after)).await;
    }
    service.let_go();
    let answer = soon(client.data(callback)).await;
    assert_eq!(answer, br#"{"outcome":"accepted"}"#);
    assert_eq!(service.metrics.connections.ended.get(), 0);
}

#[tokio::test]
async fn a_flood_of_cancelled_requests_is_stopped() {
    let service = Service::start().await;
    let mut client = connect(&service).await;
    begin_and_cancel(&mut client, FLOOD);
    client.send().await;
    while soon(client.read()).await.is_some() {}
    assert_eq!(service.metrics.connections.ended.get(), 1);
    assert!(service.metrics.connections.requests_cancelled.get() < FLOOD as u64);
    // Others go on.
    let mut other = service.connect().await;
    other
        .send(post(signed("1", LOGIN)))
        .await
        .assert_outcome("accepted");
}
