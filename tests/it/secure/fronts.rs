//! Each front over TLS, and its certificate.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::site::Site;
use crate::common::child::{Authority, trusting};

/// A connection to a front, for what is said by HTTP/1.1.
async fn connect(
    address: std::net::SocketAddr,
    authority: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut settings = trusting(Some(authority));
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let io = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(settings))
        .connect(name, io)
        .await
}

async fn say(io: &mut TlsStream<TcpStream>, request: &str) -> String {
    io.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1 << 20];
    let length = io.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test]
async fn callbacks_and_metrics_come_by_tls() {
    let site = Site::serve().await;
    let authority = site.authority.pem();
    let mut webhook = connect(site.webhook, &authority).await.unwrap();
    let (_, session) = webhook.get_ref();
    assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
    let health = say(&mut webhook, HEALTH).await;
    assert!(health.starts_with("HTTP/1.1 200 OK"), "{health}");
    let unsigned = "POST /webhooks/zego HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n{}";
    let refused = say(&mut webhook, unsigned).await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");

    let mut admin = connect(site.admin, &authority).await.unwrap();
    let metrics = say(&mut admin, "GET /metrics HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert!(metrics.starts_with("HTTP/1.1 200 OK"), "{metrics}");
}

#[tokio::test]
async fn a_front_with_tls_does_not_talk_in_plain_text() {
    let site = Site::serve().await;
    for address in [site.webhook, site.grpc, site.admin] {
        let mut io = TcpStream::connect(address).await.unwrap();
        io.write_all(HEALTH.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = io.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections_and_a_bad_one_for_none() {
    let site = Site::serve().await;
    let old = site.authority.pem();
    let mut open = connect(site.webhook, &old).await.unwrap();
    say(&mut open, HEALTH).await;

    site.write("server.key", "no key");
    let warnings = site.reload_files().unwrap();
    assert_eq!(
        warnings,
        ["a certificate cannot be used: the old one stays"]
    );
    connect(site.webhook, &old).await.unwrap();

    let renewed = Authority::new("new servers");
    renewed
        .sign("localhost")
        .write(site.path("").as_path(), "server");
    assert!(site.reload_files().unwrap().is_empty());
    for address in [site.webhook, site.admin] {
        connect(address, &renewed.pem()).await.unwrap();
        connect(address, &old).await.unwrap_err();
    }
    let health = say(&mut open, HEALTH).await;
    assert!(
        health.starts_with("HTTP/1.1 200 OK"),
        "the open connection stays: {health}"
    );
}
