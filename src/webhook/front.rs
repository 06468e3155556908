//! The front itself, what it is made of, and its limits.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::{self, BoxFuture, FutureExt as _};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::{
    guard::{Guard, Protection},
    metrics::WebhookMetrics,
    nonces::Nonces,
    refusal_log::RefusalLog,
    routes::Routes,
    turns::Turns,
};
use crate::{
    domain::{AppName, Clock},
    journal::{Entry, Journal, Revision},
    net::{
        Readiness, Refusals, Throttle,
        budget::{Budget, Limits, Trust},
    },
    providers::{Account, Registry},
};

/// Says when a durable entry is visible to queries.
pub trait Visibility: Send + Sync + fmt::Debug {
    /// Completes when everything up to `revision` has been applied.
    fn applied(&self, revision: Revision) -> BoxFuture<'_, ()>;
}

/// Says whether there is room for what an entry would add.
pub trait Capacity: Send + Sync + fmt::Debug {
    /// Holds room for what an entry may add, until it is [released](Self::release): how many
    /// bytes, say.
    ///
    /// # Errors
    /// When there is no room for what it would add. An entry that adds nothing is not refused.
    fn hold(&self, entry: &Entry) -> Result<usize, Full>;

    /// Gives back what was held for an entry that is applied, or will not be.
    fn release(&self, held: usize);
}

/// There is no room for what an entry would add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// The key of the limit that is reached, in the configuration.
    pub limit: &'static str,
}

/// Room that is held for an entry, until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    capacity: Arc<dyn Capacity>,
    held: usize,
}

/// There is room for everything.
#[derive(Clone, Copy, Debug)]
pub struct Unlimited;

/// Entries are visible as soon as the journal's `append` returns.
#[derive(Clone, Copy, Debug)]
pub struct VisibleAtOnce;

/// The limits of the front.
#[derive(Clone, Copy, Debug)]
pub struct WebhookSettings {
    /// The longest body.
    pub body_bytes_max: usize,
    /// How far a signature's time may be from now, either way.
    pub freshness_window: Duration,
    /// How far an event's time may be from its receipt and still have an effect. What has none
    /// is taken all the same, with a word.
    pub reorder_horizon: Duration,
    /// What happens to a signature that returns with other events.
    pub nonce_reuse: NonceReuse,
    /// How many signatures are remembered.
    pub nonce_pairs_max: usize,
    /// Open connections. For one more, the oldest is closed that brought no authentic callback;
    /// if there is none, the new one is answered 503 and closed.
    pub connections_max: usize,
    /// Open connections of one address that sent no authentic callback. For one more, the oldest
    /// of them is closed. An IPv6 network of 64 bits counts as one address.
    pub connections_per_address_max: usize,
    /// Requests in work at once; one more is answered 503.
    pub requests_max: usize,
    /// How long a request's head may take to arrive, from its first byte.
    pub header_read_timeout: Duration,
    /// How long a request's body may take to arrive.
    pub body_read_timeout: Duration,
    /// The least bytes a second of a body that does not come with its head, after a grace of
    /// two seconds.
    pub body_rate_min: usize,
    /// What all requests may take whose bodies are on their way. One address that sent no
    /// authentic callback may take a quarter. For one more, the oldest are given up. It is at
    /// least [`UNREAD_BODIES_MIN`] bodies of `body_bytes_max`.
    pub unread_bytes_max: usize,
    /// How long a connection may stay open without a request.
    pub idle_timeout: Duration,
    /// What the undecodable callbacks of an app and product may take of the journal in an hour.
    /// More are answered alike and not kept.
    pub undecodable_bytes_max: u64,
    /// How long a callback waits for the service to be ready before it is refused.
    pub start_wait: Duration,
}

/// The part of `unread_bytes_max` that one address may take is one of so many.
const UNREAD_SHARES: usize = 4;

/// How many of the longest bodies `unread_bytes_max` has to have room for: a share is then more
/// than one of them, with its head.
pub const UNREAD_BODIES_MIN: usize = 2 * UNREAD_SHARES;

/// What happens to a signature that returns with other events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NonceReuse {
    /// Accepted, counted and logged: whether a vendor uses a nonce twice is not
    /// documented, and refusing a true callback would lose it.
    Count,
    /// Refused.
    Refuse,
}

/// What the front is made of.
#[derive(Clone)]
pub struct WebhookParts {
    /// The limits.
    pub settings: WebhookSettings,
    /// Who may send callbacks at all, at first.
    pub protection: Protection,
    /// The vendors whose products send callbacks.
    pub registry: Registry,
    /// The apps whose callbacks are taken, each with its account at a vendor.
    pub accounts: Vec<(AppName, Account)>,
    /// The journal that makes callbacks durable.
    pub journal: Arc<dyn Journal>,
    /// Says when callbacks are visible.
    pub visibility: Arc<dyn Visibility>,
    /// Says whether there is room for callbacks.
    pub capacity: Arc<dyn Capacity>,
    /// The metrics of the front.
    pub metrics: Arc<WebhookMetrics>,
    /// The clock for the time of receipt. It is told the times of authentic callbacks.
    pub clock: Clock,
    /// Whether callbacks are taken yet; until then the answer is 503.
    pub ready: Readiness,
    /// Where refused requests are noted.
    pub refusals: Refusals,
}

/// Takes callbacks in. [`serve`](super::serve()) puts it behind a listener.
pub struct WebhookFront {
    pub(super) parts: WebhookParts,
    pub(super) guard: Guard,
    routes: RwLock<Arc<Routes>>,
    /// Room for authentic requests in work.
    pub(super) requests: Arc<Semaphore>,
    /// Who of the long bodies is worked on.
    pub(super) turns: Turns,
    /// Room for requests whose bodies are on their way.
    pub(super) unread: Budget,
    /// The addresses that sent authentic callbacks.
    pub(super) trust: Trust,
    pub(super) nonces: Nonces,
    pub(super) reuse_log: Throttle,
    /// Of requests to paths without a product.
    pub(super) refusal_log: RefusalLog,
    pub(super) unavailable_log: Throttle,
    /// The empty query. Most callbacks have no query, and share this one instead of allocating.
    pub(super) no_query: Arc<str>,
}

// === impl VisibleAtOnce ===

impl Visibility for VisibleAtOnce {
    fn applied(&self, _: Revision) -> BoxFuture<'_, ()> {
        future::ready(()).boxed()
    }
}

// === impl Unlimited ===

impl Capacity for Unlimited {
    fn hold(&self, _: &Entry) -> Result<usize, Full> {
        Ok(0)
    }

    fn release(&self, _: usize) {}
}

// === impl Held ===

impl Held {
    pub(super) fn of(entry: &Entry, capacity: &Arc<dyn Capacity>) -> Result<Self, Full> {
        let held = capacity.hold(entry)?;
        let capacity = Arc::clone(capacity);
        Ok(Self { capacity, held })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.capacity.release(self.held);
    }
}

// === impl WebhookFront ===

impl WebhookFront {
    /// A front that has seen nothing yet.
    pub fn new(parts: WebhookParts) -> Self {
        let WebhookSettings {
            requests_max,
            nonce_pairs_max,
            unread_bytes_max,
            undecodable_bytes_max,
            ..
        } = parts.settings;
        let forgotten = parts.metrics.rates_forgotten.clone();
        let guard = Guard::new(parts.protection.clone(), forgotten);
        let trust = Trust::with_proxies(guard.proxies().clone());
        let unread = Limits {
            all_max: unread_bytes_max,
            peer_max: unread_bytes_max / UNREAD_SHARES,
        };
        let routes = Routes::new(
            parts.registry,
            &parts.accounts,
            undecodable_bytes_max,
            &parts.metrics,
        );
        let displaced = parts.metrics.bodies_displaced.clone();
        Self {
            guard,
            routes: RwLock::new(Arc::new(routes)),
            requests: Arc::new(Semaphore::new(requests_max.min(Semaphore::MAX_PERMITS))),
            turns: Turns::default(),
            unread: Budget::new("bodies on their way", unread, trust.clone(), displaced),
            trust,
            nonces: Nonces::new(nonce_pairs_max),
            reuse_log: Throttle::default(),
            refusal_log: RefusalLog::default(),
            unavailable_log: Throttle::default(),
            no_query: "".into(),
            parts,
        }
    }

    /// Takes the callbacks of these apps from now on, with the secrets of their accounts.
    /// Requests whose bodies are on their way are verified with those of before.
    pub fn replace_accounts(&self, accounts: &[(AppName, Account)]) {
        let WebhookParts {
            registry,
            metrics,
            settings,
            ..
        } = &self.parts;
        let bytes_max = settings.undecodable_bytes_max;
        let routes = Routes::new(*registry, accounts, bytes_max, metrics);
        *self.routes.write() = Arc::new(routes);
    }

    /// Lets these send from now on, also on connections that are open.
    pub fn replace_protection(&self, protection: Protection) {
        self.guard.replace(protection);
    }

    pub(super) fn routes(&self) -> Arc<Routes> {
        Arc::clone(&self.routes.read())
    }

    pub(super) fn metrics(&self) -> &WebhookMetrics {
        &self.parts.metrics
    }
}

impl fmt::Debug for WebhookFront {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookFront")
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

// === impl WebhookParts ===

impl fmt::Debug for WebhookParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookParts")
            .field("settings", &self.settings)
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}
