//! A real server in this process, on sockets.

use headcount::{
    config::{Config, JournalKind},
    pb::ListRoomsRequest,
    providers::Registry,
    reconcile::Rules,
    server::Server,
    simulate::Options,
};
use headcount_client::endpoint;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::small;

/// A server that runs until this is dropped.
pub(super) struct Running {
    pub(super) webhook: String,
    pub(super) server: String,
    stop: DropGuard,
    task: JoinHandle<()>,
}

pub(super) async fn serve() -> Running {
    serve_by(Rules::default(), |_| {}).await
}

pub(super) async fn serve_by(rules: Rules, change: fn(&mut Config)) -> Running {
    serve_at(["127.0.0.1:0"; 2], rules, change).await
}

/// Takes callbacks in at the first address, and serves gRPC at the second.
async fn serve_at([webhook, grpc]: [&str; 2], rules: Rules, change: fn(&mut Config)) -> Running {
    let mut config = Config::dev(Registry::standard()).unwrap();
    config.journal.kind = JournalKind::Memory;
    change(&mut config);
    config.webhook.listen = webhook.parse().unwrap();
    config.grpc.listen = grpc.parse().unwrap();
    let server = Server::bind(&config, Registry::standard(), rules)
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let webhook = format!("http://{}", server.webhook_address().unwrap());
    let grpc = format!("http://{}", server.grpc_address().unwrap());
    let until = stop.clone().cancelled_owned();
    let running = Running {
        webhook,
        server: grpc,
        stop: stop.drop_guard(),
        task: tokio::spawn(async move { server.run(until).await.unwrap() }),
    };
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

    /// Waits until a callback is in the roster of ZEGO's app.
    pub(super) async fn until_it_knows_a_room(&self) {
        let mut client = headcount_client::connect(&self.server).unwrap();
        let request = ListRoomsRequest {
            app: "demo".to_owned(),
            ..Default::default()
        };
        loop {
            let rooms = client.list_rooms(request.clone()).await.unwrap();
            if !rooms.into_inner().rooms.is_empty() {
                return;
            }
        }
    }

    /// Ends it, and serves at the same addresses again, with nothing in memory.
    pub(super) async fn restart(self) -> Self {
        drop(self.stop);
        self.task.await.unwrap();
        let addresses = [&*self.webhook, &*self.server];
        let addresses = addresses.map(|url| url.trim_start_matches("http://"));
        serve_at(addresses, Rules::default(), |_| {}).await
    }

    pub(super) fn options(&self, seed: u64) -> Options {
        Options {
            webhook: self.webhook.clone(),
            server: self.server.clone(),
            ..small(seed)
        }
    }
}
