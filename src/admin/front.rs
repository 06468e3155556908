//! What the front answers from.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use axum::extract::FromRef;
use prometheus_client::{metrics::counter::Counter, registry::Registry};
use tokio::{sync::Mutex, task};

use super::{
    MetricsRegistry,
    door::{AdminPolicy, Doorkeeper},
};
use crate::{
    access::Access,
    net::{ConnectionMetrics, Readiness, Refusals},
};

/// Reads the configuration of the running service again, and returns warnings. It may block.
pub type Reload = dyn Fn() -> Result<Vec<String>, ReloadError> + Send + Sync;

/// Why nothing was taken over.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The configuration, or a file that it names, cannot be used.
    #[error("{0}")]
    Configuration(String),
    /// It could not be tried.
    #[error("{0}")]
    Failed(String),
}

/// What an admin front is made of.
#[derive(Debug)]
pub struct AdminParts {
    /// The metrics to show.
    pub registry: MetricsRegistry,
    /// The front's own, which are in the registry.
    pub metrics: AdminMetrics,
    /// Who is known.
    pub access: Access,
    /// Who need not be known.
    pub policy: AdminPolicy,
    /// How the service is.
    pub ready: Readiness,
    /// What was refused lately.
    pub refusals: Refusals,
}

/// What the front itself counts.
#[derive(Clone, Debug, Default)]
pub struct AdminMetrics {
    /// Its connections.
    pub connections: ConnectionMetrics,
    /// Requests refused because of who asked.
    pub refused: Counter,
}

/// The front for operators.
pub struct AdminFront {
    pub(super) registry: MetricsRegistry,
    pub(super) connections: ConnectionMetrics,
    pub(super) door: Doorkeeper,
    pub(super) ready: Readiness,
    pub(super) refusals: Refusals,
    reload: OnceLock<Box<Reload>>,
    /// One reload at a time: the others wait without a thread.
    turn: Arc<Mutex<()>>,
}

impl AdminMetrics {
    /// Adds them to a registry.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            connections: ConnectionMetrics::register_http2(registry, "admin_", "Admin"),
            refused: Counter::default(),
        };
        registry.register(
            "admin_requests_refused",
            "Admin requests refused because of who asked",
            metrics.refused.clone(),
        );
        metrics
    }
}

impl AdminFront {
    /// A front of these parts.
    pub fn new(parts: AdminParts) -> Self {
        let AdminParts {
            registry,
            metrics,
            access,
            policy,
            ready,
            refusals,
        } = parts;
        Self {
            registry,
            connections: metrics.connections,
            door: Doorkeeper::new(access, policy, metrics.refused),
            ready,
            refusals,
            reload: OnceLock::new(),
            turn: Arc::default(),
        }
    }

    /// Says how the configuration is read again. The first to say so is believed.
    pub fn reload_by(
        &self,
        reload: impl Fn() -> Result<Vec<String>, ReloadError> + Send + Sync + 'static,
    ) {
        let _ = self.reload.set(Box::new(reload));
    }

    /// Reads the configuration again, on a thread that may block. It is not broken off when
    /// whoever asked for it goes away.
    pub(super) async fn reload(self: Arc<Self>) -> Result<Vec<String>, ReloadError> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let reload = move || {
            let _turn = turn;
            let missing = || ReloadError::Failed("there is nothing to read again".to_owned());
            self.reload.get().ok_or_else(missing)?()
        };
        let done = task::spawn_blocking(reload).await;
        done.unwrap_or_else(|panic| Err(ReloadError::Failed(panic.to_string())))
    }
}

impl FromRef<Arc<AdminFront>> for Doorkeeper {
    fn from_ref(front: &Arc<AdminFront>) -> Self {
        front.door.clone()
    }
}

impl fmt::Debug for AdminFront {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminFront")
            .field("door", &self.door)
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}
