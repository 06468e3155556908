//! The end of the whole service.

use std::time::Duration;

use headcount::{
    config::{Config, JournalKind, Span},
    providers::Registry,
    reconcile::Rules,
    server::Server,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    time::timeout,
};

use crate::common::child::get;

/// A head after which the server asks for the body, so that it is known to wait.
const HEAD: &[u8] =
    b"POST /webhooks/zego HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";

#[tokio::test]
async fn a_drain_cuts_off_what_does_not_end() {
    let mut config = Config::dev(Registry::standard()).unwrap();
    config.journal.kind = JournalKind::Memory;
    config.webhook.listen = "127.0.0.1:0".parse().unwrap();
    config.webhook.body_read_timeout = Span::from_mins(10);
    config.grpc.listen = "127.0.0.1:0".parse().unwrap();
    config.server.drain_timeout = Duration::from_millis(10).into();
    let server = Server::bind(&config, Registry::standard(), Rules::default())
        .await
        .unwrap();
    let address = server.webhook_address().unwrap();
    let (stop_tx, stop_rx) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.run(async { drop(stop_rx.await) }));

    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(HEAD).await.unwrap();
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    stop_tx.send(()).unwrap();
    // Only not to wait for ever where it fails.
    let ended = timeout(Duration::from_secs(5), serving).await;
    ended.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn operators_are_answered_until_the_others_have_drained() {
    let mut config = Config::dev(Registry::standard()).unwrap();
    config.journal.kind = JournalKind::Memory;
    config.webhook.listen = "127.0.0.1:0".parse().unwrap();
    config.webhook.body_read_timeout = Span::from_mins(10);
    config.grpc.listen = "127.0.0.1:0".parse().unwrap();
    config.admin.listen = Some("127.0.0.1:0".parse().unwrap());
    let server = Server::bind(&config, Registry::standard(), Rules::default())
        .await
        .unwrap();
    let webhook = server.webhook_address().unwrap();
    let admin = server.admin_address().unwrap().unwrap();
    let (stop_tx, stop_rx) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.run(async { drop(stop_rx.await) }));
    let mut callback = TcpStream::connect(webhook).await.unwrap();
    callback.write_all(HEAD).await.unwrap();
    callback.read_exact(&mut [0; 12]).await.unwrap();
    let asked = async |path: &'static str| {
        let answered = tokio::task::spawn_blocking(move || get(admin, path));
        answered.await.unwrap()
    };
    while asked("/readyz").await != (200, "ready".to_owned()) {}

    stop_tx.send(()).unwrap();
    while asked("/readyz").await != (503, "draining".to_owned()) {}
    assert_eq!(asked("/healthz").await, (200, "ok".to_owned()));
    assert_eq!(asked("/metrics").await.0, 200);
    // What was waited for ends.
    drop(callback);
    serving.await.unwrap().unwrap();
    TcpStream::connect(admin).await.unwrap_err();
}
