//! The HTTP front: where vendors' callbacks come in.
//!
//! An answer of 200 means that the callback is durable and visible, or of no
//! use. Anything else means that the vendor has to send it again. What one
//! sender can cost is bounded, however slow or hostile he is: connections,
//! requests at once, the size of head and body and the time each may take, and
//! the time a connection may stay open without a request. It speaks HTTP/1.1
//! and, to those who begin with its preface, HTTP/2 without TLS.
//!
//! The front knows the table of [adapters](crate::providers::PRODUCTS) and the
//! [journal](crate::journal), but neither rooms nor gRPC.

mod accept;
mod activity;
mod answers;
mod body;
mod connection;
mod handler;
mod ingest;
mod metrics;
mod nonces;
mod throttle;
mod wire;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::future::{self, BoxFuture, FutureExt as _};
use tokio::sync::Semaphore;

use self::{nonces::Nonces, throttle::Throttle};
use crate::{
    admin::Metrics,
    config::{NonceReuse, WebhookConfig},
    domain::Time,
    journal::{Journal, Revision},
    providers::Apps,
};

pub use self::{accept::serve, answers::Reason, metrics::WebhookMetrics};

/// Tells the time of receipt.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// Tells when a durable entry can be seen by those who ask.
pub trait Visible: Send + Sync + fmt::Debug {
    /// Completes when everything up to `revision` has been applied.
    fn applied(&self, revision: Revision) -> BoxFuture<'_, ()>;
}

/// For a journal whose entries are applied when `append` returns.
#[derive(Clone, Copy, Debug)]
pub struct AtOnce;

/// The limits of the front.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The longest body.
    pub body_bytes_max: usize,
    /// How far a signature's time may be from now, either way.
    pub freshness_window: Duration,
    /// What happens to a signature that returns with other events.
    pub nonce_reuse: NonceReuse,
    /// How many signatures are remembered.
    pub nonce_pairs_max: usize,
    /// Open connections; one more is answered 503 and closed.
    pub connections_max: usize,
    /// Requests in work at once; one more is answered 503.
    pub requests_max: usize,
    /// How long a request's head may take to arrive, from its first byte.
    pub header_read_timeout: Duration,
    /// How long a request's body may take to arrive.
    pub body_read_timeout: Duration,
    /// How long a connection may stay open without a request.
    pub idle_timeout: Duration,
}

/// What the front works with.
#[derive(Clone)]
pub struct Parts {
    /// The limits.
    pub settings: Settings,
    /// Whose callbacks are taken.
    pub apps: Arc<Apps>,
    /// What makes callbacks durable.
    pub journal: Arc<dyn Journal>,
    /// What tells when they are visible.
    pub visible: Arc<dyn Visible>,
    /// Where the front counts.
    pub metrics: Arc<Metrics>,
    /// What tells the time of receipt.
    pub clock: Clock,
    /// Whether callbacks are taken yet; until then the answer is 503.
    pub ready: Arc<AtomicBool>,
}

/// Takes callbacks in. [`serve`] puts it behind a socket.
pub struct Front {
    parts: Parts,
    requests: Semaphore,
    nonces: Nonces,
    reuse_log: Throttle,
    undecodable_log: Throttle,
    unavailable_log: Throttle,
    /// The query of a callback that has none, which is nearly every one.
    no_query: Arc<str>,
}

/// The system's clock.
pub fn wall_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        // Before 1970 every signature is stale, which is as it should be.
        Time::MIN.saturating_add(since.unwrap_or_default())
    })
}

// === impl AtOnce ===

impl Visible for AtOnce {
    fn applied(&self, _: Revision) -> BoxFuture<'_, ()> {
        future::ready(()).boxed()
    }
}

// === impl Settings ===

impl From<&WebhookConfig> for Settings {
    fn from(config: &WebhookConfig) -> Self {
        let WebhookConfig {
            listen: _,
            body_max,
            freshness_window,
            nonce_reuse,
            nonce_pairs_max,
            connections_max,
            requests_max,
            header_read_timeout,
            body_read_timeout,
            idle_timeout,
        } = *config;
        Self {
            body_bytes_max: body_max.as_usize(),
            freshness_window: freshness_window.into(),
            nonce_reuse,
            nonce_pairs_max,
            connections_max,
            requests_max,
            header_read_timeout: header_read_timeout.into(),
            body_read_timeout: body_read_timeout.into(),
            idle_timeout: idle_timeout.into(),
        }
    }
}

// === impl Front ===

impl Front {
    /// A front that has seen nothing yet.
    pub fn new(parts: Parts) -> Self {
        let Settings {
            requests_max,
            nonce_pairs_max,
            ..
        } = parts.settings;
        Self {
            requests: Semaphore::new(requests_max.min(Semaphore::MAX_PERMITS)),
            nonces: Nonces::new(nonce_pairs_max),
            reuse_log: Throttle::default(),
            undecodable_log: Throttle::default(),
            unavailable_log: Throttle::default(),
            no_query: "".into(),
            parts,
        }
    }

    fn is_ready(&self) -> bool {
        self.parts.ready.load(Relaxed)
    }

    fn metrics(&self) -> &WebhookMetrics {
        &self.parts.metrics.webhook
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front")
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

// === impl Parts ===

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("settings", &self.settings)
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}
