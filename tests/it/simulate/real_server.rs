//! A real server in this process, on sockets.

use headcount::{
    config::{Config, JournalKind},
    providers::Registry,
    reconcile::Rules,
    server::Server,
    simulate::Options,
};
use headcount_client::endpoint;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::small;

/// A server that runs until this is dropped.
pub(super) struct Running {
    pub(super) webhook: String,
    pub(super) server: String,
    _stop: DropGuard,
}

pub(super) async fn serve() -> Running {
    serve_by(Rules::default(), |_| {}).await
}

pub(super) async fn serve_by(rules: Rules, change: fn(&mut Config)) -> Running {
    let mut config = Config::dev(Registry::standard()).unwrap();
    config.journal.kind = JournalKind::Memory;
    change(&mut config);
    config.webhook.listen = "127.0.0.1:0".parse().unwrap();
    config.grpc.listen = "127.0.0.1:0".parse().unwrap();
    let server = Server::bind(&config, Registry::standard(), rules)
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let running = Running {
        webhook: format!("http://{}", server.webhook_address().unwrap()),
        server: format!("http://{}", server.grpc_address().unwrap()),
        _stop: stop.clone().drop_guard(),
    };
    tokio::spawn(server.run(stop.cancelled_owned()));
    until_ready(&running.server).await;
    running
}

/// Waits until a server is ready. Before that it answers calls with `UNAVAILABLE`.
async fn until_ready(server: &str) {
    let channel = endpoint(server).unwrap().connect().await.unwrap();
    let mut client = HealthClient::new(channel);
    let health = client.watch(HealthCheckRequest::default()).await;
    let mut health = health.unwrap().into_inner();
    while health.message().await.unwrap().unwrap().status() != ServingStatus::Serving {}
}

impl Running {
    /// The flags that send `headcount simulate` to it.
    pub(super) fn flags(&self) -> [String; 2] {
        [
            format!("--webhook={}", self.webhook),
            format!("--server={}", self.server),
        ]
    }

    pub(super) fn options(&self, seed: u64) -> Options {
        Options {
            webhook: self.webhook.clone(),
            server: self.server.clone(),
            ..small(seed)
        }
    }
}
