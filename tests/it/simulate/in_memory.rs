//! A service in memory, in the runtime's time. Where that is paused, it passes only when
//! nothing is left to do, so no callback is ever late.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::{self, BoxFuture, FutureExt as _};
use headcount::{
    config::Config,
    domain::{AppName, Clock, Time},
    journal::MemoryJournal,
    net::{Caller, Readiness, Refusals},
    providers::{Account, Registry},
    reconcile::Rules,
    roster::Limits,
    server::keep_forgetting,
    simulate::Service,
    webhook::{NonceReuse, WebhookFront, WebhookMetrics, WebhookParts, WebhookSettings},
};
use headcount_client::Client;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use prometheus_client::registry::Registry as Metrics;
use tokio::{task::AbortHandle, time::Instant};

use crate::common::in_process::{Server, World};

/// When it begins, in milliseconds since the Unix epoch.
const BEGAN_AT: u64 = 1_700_000_000_000;

/// Longer than any run lasts.
const NEVER: Duration = Duration::from_secs(3_600);

/// More than a run has, at the end of which each asks once more whether it is complete.
const WATCHES_MAX: usize = 1_000;

/// A service with the apps that the simulator's options name.
#[derive(Debug)]
pub(super) struct InMemory {
    server: Server,
    front: WebhookFront,
    began: Instant,
    forgetting: AbortHandle,
}

impl InMemory {
    pub(super) async fn new(rules: Rules) -> Self {
        let apps = apps();
        let logins: Vec<_> = (apps.iter())
            .map(|(app, account)| (app.as_str(), account.logins))
            .collect();
        let world = World::of(&logins, Limits::default(), rules);
        let (journal, roster) = (world.journal(), Arc::clone(&world.roster));
        let server = Server::starting(world, WATCHES_MAX).await;
        server.ready.set(true);
        let began = Instant::now();
        let clock = Clock::from_fn(move || Time::from_millis(millis_since(began)).unwrap());
        let front = WebhookFront::new(WebhookParts {
            settings: settings(),
            protection: Default::default(),
            registry: Registry::standard(),
            accounts: apps,
            journal: Arc::<MemoryJournal>::clone(&journal),
            visibility: Arc::clone(&roster) as _,
            capacity: Arc::clone(&roster) as _,
            metrics: Arc::new(WebhookMetrics::register(&mut Metrics::default())),
            clock: clock.clone(),
            ready: Readiness::new(true),
            refusals: Refusals::new(clock.clone()),
        });
        let forgetting = tokio::spawn(keep_forgetting(journal, roster, clock));
        Self {
            server,
            front,
            began,
            forgetting: forgetting.abort_handle(),
        }
    }
}

impl Drop for InMemory {
    fn drop(&mut self) {
        self.forgetting.abort();
    }
}

impl Service for InMemory {
    fn now(&self) -> u64 {
        millis_since(self.began)
    }

    fn client(&self) -> Result<Client, String> {
        Ok(self.server.lazy_client())
    }

    fn reach(&self) -> BoxFuture<'_, Result<(), String>> {
        future::ready(Ok(())).boxed()
    }

    fn send(
        &self,
        callback: Request<Full<Bytes>>,
    ) -> BoxFuture<'_, Result<Response<Bytes>, String>> {
        async move {
            let caller = Caller::unknown();
            let answer = self.front.answer(callback, &caller, false).await;
            let (head, body) = answer.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Ok(Response::from_parts(head, body))
        }
        .boxed()
    }
}

fn millis_since(began: Instant) -> u64 {
    BEGAN_AT + u64::try_from(began.elapsed().as_millis()).unwrap()
}

/// The apps that the options of a run name by default.
fn apps() -> Vec<(AppName, Account)> {
    let config = Config::dev(Registry::standard()).unwrap();
    let apps = config.apps.into_iter();
    apps.map(|app| ((&*app.name).into(), app.account)).collect()
}

/// Limits that no run reaches.
fn settings() -> WebhookSettings {
    WebhookSettings {
        body_bytes_max: 64 * 1024,
        freshness_window: NEVER,
        nonce_reuse: NonceReuse::Count,
        nonce_pairs_max: 100_000,
        connections_max: 1,
        connections_per_address_max: 1,
        requests_max: 1_000,
        header_read_timeout: NEVER,
        body_read_timeout: NEVER,
        body_rate_min: 1,
        unread_bytes_max: 1024 * 1024,
        idle_timeout: NEVER,
        undecodable_bytes_max: u64::MAX,
        start_wait: Duration::ZERO,
        reorder_horizon: Rules::default().reorder_horizon,
    }
}
