//! What the standard health service answers.

use std::pin::Pin;

use futures_util::stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, HealthCheckResponse, health_server},
    server::{HealthReporter, HealthService},
};

use super::service::{Presence, SERVICE_NAME};

/// The name under which the health service says whether callbacks can be made durable. The
/// answer is `NOT_SERVING` while callbacks are refused. Queries and watches work meanwhile.
pub const JOURNAL_HEALTH: &str = "headcount.journal";

/// Tells the health service what to answer.
#[derive(Clone, Debug)]
pub struct Health(HealthReporter);

/// The health service, whose watches count among all watches, because each takes as much.
#[derive(Debug)]
pub(super) struct CountedHealth {
    service: HealthService,
    presence: Presence,
}

impl Health {
    /// Answers `NOT_SERVING` for every name, because a new reporter would answer
    /// `SERVING` for the server as a whole.
    pub async fn new() -> Self {
        let health = Self(HealthReporter::new());
        health.set_serving(false).await;
        health.set_writable(false).await;
        health
    }

    /// Answers `SERVING` or `NOT_SERVING` from now on, for [`JOURNAL_HEALTH`].
    pub async fn set_writable(&self, writable: bool) {
        let status = status(writable);
        self.0.set_service_status(JOURNAL_HEALTH, status).await;
    }

    /// Answers `SERVING` or `NOT_SERVING` from now on, for the presence service and for
    /// the server as a whole.
    pub async fn set_serving(&self, serving: bool) {
        let status = status(serving);
        let Self(reporter) = self;
        reporter.set_service_status("", status).await;
        reporter.set_service_status(SERVICE_NAME, status).await;
    }

    /// The health service. Its watches count among those of `presence`.
    pub(super) fn into_service(self, presence: Presence) -> CountedHealth {
        CountedHealth {
            service: HealthService::from_health_reporter(self.0),
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

fn status(serving: bool) -> ServingStatus {
    if serving {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}
