//! A process that may not open as many files as its connections need.

use std::process::Command;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::yield_now,
};

use crate::common::child::{BINARY, Site};

/// Starts the service with a limit of 100 open files, which may be raised to 200.
const LIMITED: &str = "ulimit -S -n 100 && ulimit -H -n 200 && exec \"$0\" \"$@\"";

async fn metrics(site: &Site) -> String {
    let mut io = TcpStream::connect(site.admin()).await.unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nhost: h\r\n\r\n";
    io.write_all(request).await.unwrap();
    let mut page = String::new();
    io.read_to_string(&mut page).await.unwrap();
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    page
}

#[tokio::test]
async fn metrics_are_served_when_the_other_fronts_have_all_the_connections_they_may() {
    let site = Site::new("");
    // As many as one address is to open here, and in a known proportion.
    for (front, connections) in [("webhook", 4_096), ("grpc", 10_000)] {
        let begin = format!("{front} = {{ ");
        let limits = format!(
            "connections_max = {connections}, connections_per_address_max = {connections}, "
        );
        site.configure(&begin, &format!("{begin}{limits}"));
    }
    let mut command = Command::new("sh");
    command.args(["-c", LIMITED, BINARY]);
    let mut process = site.spawn_by(command);
    // 64 are kept, and the rest is shared in proportion.
    let said = process
        .says("webhook.connections_max is lowered to 39")
        .await;
    assert!(said.contains("grpc.connections_max to 97"), "{said}");
    assert!(said.contains("WARN"), "{said}");
    process.says("serving callbacks on").await;

    let mut held = Vec::new();
    for (address, connections) in [(site.webhook_address(), 60), (site.grpc_address(), 150)] {
        for _ in 0..connections {
            held.push(TcpStream::connect(address).await.unwrap());
        }
    }
    loop {
        let page = metrics(&site).await;
        let has = |line| page.lines().any(|found| found == line);
        if has("headcount_connections_open 39")
            && has("headcount_grpc_connections_open 97")
            && has("headcount_connections_displaced_total 21")
            && has("headcount_grpc_connections_displaced_total 53")
        {
            break;
        }
        yield_now().await;
    }
}
