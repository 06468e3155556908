//! What the standard health service answers.

use std::{pin::Pin, sync::Arc};

use futures_util::stream::{Stream, StreamExt as _};
use tokio::sync::Mutex;
use tonic::{Request, Response, Status};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, HealthCheckResponse, health_server},
    server::{HealthReporter, HealthService},
};

use super::service::{Presence, SERVICE_NAME};
use crate::net::Readiness;

/// The name under which the health service says whether callbacks can be made durable. The
/// answer is `NOT_SERVING` while callbacks are refused. Queries and watches work meanwhile.
pub const JOURNAL_HEALTH: &str = "headcount.journal";

/// Tells the health service what to answer. Clones tell the same one.
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
    told: Arc<Mutex<Told>>,
}

/// What the health service was told last: what stays is not told again to those who watch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    answers: bool,
    takes_callbacks: bool,
}

/// The health service, whose watches count among all watches, because each takes as much.
#[derive(Debug)]
pub(super) struct CountedHealth {
    service: HealthService,
    presence: Presence,
}

impl Told {
    fn of(ready: &Readiness) -> Self {
        Self {
            answers: ready.is_serving(),
            takes_callbacks: ready.check().is_ok(),
        }
    }
}

impl Health {
    /// Answers `NOT_SERVING` for every name, because a new reporter would answer
    /// `SERVING` for the server as a whole.
    pub async fn new() -> Self {
        let told = Told {
            answers: false,
            takes_callbacks: false,
        };
        let health = Self {
            reporter: HealthReporter::new(),
            told: Arc::new(Mutex::new(told)),
        };
        health.report(told).await;
        health
    }

    /// Answers from now on as the service is now: `SERVING` for the presence service and for the
    /// server as a whole while questions are answered, and for [`JOURNAL_HEALTH`] while callbacks
    /// are taken.
    pub async fn tell(&self, ready: &Readiness) {
        let mut told = self.told.lock().await;
        let now = Told::of(ready);
        if *told != now {
            *told = now;
            self.report(now).await;
        }
    }

    async fn report(&self, now: Told) {
        let statuses = [
            ("", now.answers),
            (SERVICE_NAME, now.answers),
            (JOURNAL_HEALTH, now.takes_callbacks),
        ];
        for (name, is_serving) in statuses {
            let status = match is_serving {
                true => ServingStatus::Serving,
                false => ServingStatus::NotServing,
            };
            self.reporter.set_service_status(name, status).await;
        }
    }

    /// The health service. Its watches count among those of `presence`.
    pub(super) fn into_service(self, presence: Presence) -> CountedHealth {
        CountedHealth {
            service: HealthService::from_health_reporter(self.reporter),
            presence,
        }
    }
}

#[tonic::async_trait]
impl health_server::Health for CountedHealth {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        self.service.check(request).await
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let open = self.presence.open_health_watch()?;
        let watch = self.service.watch(request).await?;
        Ok(watch.map(|messages| {
            // The watch is open for as long as its messages are.
            let counted = messages.inspect(move |_| {
                let _ = &open;
            });
            Box::pin(counted) as Self::WatchStream
        }))
    }
}
