//! What the standard health service answers.

use tonic_health::{
    ServingStatus,
    server::{HealthReporter, HealthService},
};

use super::service::SERVICE_NAME;

/// The name under which the health service says whether callbacks can be made durable. The
/// answer is `NOT_SERVING` while callbacks are refused. Queries and watches work meanwhile.
pub const JOURNAL_HEALTH: &str = "headcount.journal";

/// Tells the health service what to answer.
#[derive(Clone, Debug)]
pub struct Health(HealthReporter);

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

    /// The health service.
    pub(super) fn into_service(self) -> HealthService {
        HealthService::from_health_reporter(self.0)
    }
}

fn status(serving: bool) -> ServingStatus {
    if serving {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}
