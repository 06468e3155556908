//! Wiring: from a configuration to a service that runs and ends in order.
//!
//! The way of a callback is one-directional: the webhook front appends it to the
//! journal, the journal's follower applies it to the roster, and the gRPC front
//! reads the roster.

use std::{
    error::Error,
    future::Future,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{net::TcpListener, task::JoinSet, time};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    config::{AppConfig, Config, GrpcConfig},
    event::AppName,
    grpc::{self, Health, Presence},
    journal::{Entry, FollowError, Journal, MemoryJournal, Payload, Revision},
    room::{Logins, Rules},
    roster::{FeedLimits, Limits, Roster},
    telemetry::{self, Metrics},
    vendor::Apps,
    webhook::{self, Front, Parts, Settings, Visible, wall_clock},
};

/// How much earlier than the configured end what is left is cut off, so that the
/// process is gone in time.
const DRAIN_MARGIN: Duration = Duration::from_millis(200);

/// How often it is looked whether something is to be forgotten. Also the most
/// often that a tick is journalled.
const TICK_INTERVAL: Duration = Duration::from_secs(1);

/// Why the service could not start, or ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address} for {purpose}: {source}")]
    Listen {
        /// What for.
        purpose: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The journal cannot be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// A part of the service ended by itself.
    #[error("{part} ended: {reason}")]
    Ended {
        /// Which part.
        part: &'static str,
        /// Why.
        reason: Box<dyn Error + Send + Sync>,
    },
}

/// The service, listening but not serving yet.
#[derive(Debug)]
pub struct Server {
    webhook: (TcpListener, Arc<Front>),
    grpc: (TcpListener, Presence, GrpcConfig),
    telemetry: Option<TcpListener>,
    metrics: Arc<Metrics>,
    journal: Arc<dyn Journal>,
    roster: Arc<Roster>,
    ready: Arc<AtomicBool>,
    /// The names of the apps, for the log.
    apps: Vec<String>,
    drain_timeout: Duration,
}

/// A part of the service that ran to its end.
type Ended = (&'static str, Result<(), Box<dyn Error + Send + Sync>>);

/// Serves what a valid configuration says until `shutdown` completes.
///
/// # Errors
/// When it cannot start, or a part of it fails.
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
    let rules = rules(&config);
    Server::bind(&config, rules).await?.run(shutdown).await
}

/// The rules of reconciliation that a configuration asks for.
pub fn rules(config: &Config) -> Rules {
    Rules {
        reorder_horizon: config.roster.reorder_horizon.into(),
        empty_room_ttl: config.roster.empty_room_ttl.into(),
        ..Rules::default()
    }
}

impl Server {
    /// Listens where a valid configuration says.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub async fn bind(config: &Config, rules: Rules) -> Result<Self, ServerError> {
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
        let apps = config
            .apps
            .iter()
            .map(|app| (AppName::from(&*app.name), logins(app)));
        let (roster, applier) = Roster::new(journal.epoch(), apps, rules, limits(config));
        journal.follow(roster.applied(), Box::new(applier))?;

        let mut metrics = Metrics::new();
        roster.metrics().register(metrics.registry_mut());
        let metrics = Arc::new(metrics);
        let ready = Arc::new(AtomicBool::new(false));
        let front = Arc::new(Front::new(Parts {
            settings: Settings::from(&config.webhook),
            apps: Arc::new(Apps::from(&*config.apps)),
            journal: Arc::clone(&journal),
            visible: Arc::clone(&roster) as Arc<dyn Visible>,
            metrics: Arc::clone(&metrics),
            clock: wall_clock(),
            ready: Arc::clone(&ready),
        }));
        let presence = Presence::new(
            Arc::clone(&roster),
            Arc::clone(&ready),
            config.grpc.progress_interval.into(),
            config.grpc.watches_max,
            metrics.grpc.clone(),
        );
        let telemetry = match config.telemetry.listen {
            Some(address) => Some(listen("metrics", address).await?),
            None => None,
        };
        Ok(Self {
            webhook: (listen("callbacks", config.webhook.listen).await?, front),
            grpc: (
                listen("gRPC", config.grpc.listen).await?,
                presence,
                config.grpc.clone(),
            ),
            telemetry,
            metrics,
            journal,
            roster,
            ready,
            apps: config.apps.iter().map(|app| app.name.clone()).collect(),
            drain_timeout: config.server.drain_timeout.into(),
        })
    }

    /// Where callbacks are taken in.
    ///
    /// # Errors
    /// When the socket does not know.
    pub fn webhook_address(&self) -> io::Result<SocketAddr> {
        self.webhook.0.local_addr()
    }

    /// Where gRPC is served.
    ///
    /// # Errors
    /// When the socket does not know.
    pub fn grpc_address(&self) -> io::Result<SocketAddr> {
        self.grpc.0.local_addr()
    }

    /// Serves until `shutdown` completes; then stops accepting, finishes what is
    /// in flight, and ends streams with `UNAVAILABLE`. What takes longer than the
    /// configured `drain_timeout`, less a margin, is cut off.
    ///
    /// # Errors
    /// When a part of the service fails.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        if let (Ok(webhook), Ok(grpc)) = (self.webhook_address(), self.grpc_address()) {
            let metrics = self.telemetry.as_ref().map(TcpListener::local_addr);
            let metrics = metrics.and_then(Result::ok).map(tracing::field::display);
            info!(%webhook, %grpc, metrics, apps = self.apps.join(", "), "serving");
        }
        let ready = Arc::clone(&self.ready);
        let drain_timeout = self.drain_timeout;
        // A margin that leaves nothing of a short time would be none.
        let cut_off = drain_timeout
            .saturating_sub(DRAIN_MARGIN)
            .max(drain_timeout / 2);
        let health = Health::new().await;
        let drain = CancellationToken::new();
        // The roster is as the journal says: before the first request is heard.
        ready.store(true, Ordering::Release);
        health.set_serving(true).await;
        let mut parts = self.spawn(&health, &drain);

        let failed = tokio::select! {
            () = shutdown => None,
            ended = parts.join_next() => ended.map(failure),
        };
        info!("draining");
        health.set_serving(false).await;
        drain.cancel();
        let drained = async { while parts.join_next().await.is_some() {} };
        if time::timeout(cut_off, drained).await.is_err() {
            warn!(
                ?drain_timeout,
                "draining takes too long: what is left is cut off"
            );
        } else {
            info!("drained");
        }
        failed.map_or(Ok(()), Err)
    }

    fn spawn(self, health: &Health, drain: &CancellationToken) -> JoinSet<Ended> {
        let Self {
            webhook: (webhook_listener, front),
            grpc: (grpc_listener, presence, grpc_config),
            telemetry,
            metrics,
            journal,
            roster,
            ready: _,
            apps: _,
            drain_timeout: _,
        } = self;
        let mut parts = JoinSet::new();
        let (health, drained) = (health.clone(), drain.clone());
        let grpc_metrics = metrics.grpc.clone();
        parts.spawn(async move {
            let connections_max = grpc_config.connections_max;
            let connections = grpc::accept(grpc_listener, connections_max, grpc_metrics);
            let streams_max = grpc_config.streams_per_connection_max;
            (
                "gRPC",
                grpc::serve(connections, presence, health, streams_max, drained).await,
            )
        });
        let drained = drain.clone();
        parts.spawn(async move {
            webhook::serve(webhook_listener, front, drained).await;
            ("the webhook front", Ok(()))
        });
        if let Some(listener) = telemetry {
            let drained = drain.clone();
            parts.spawn(async move {
                telemetry::serve(listener, metrics, drained).await;
                ("metrics", Ok(()))
            });
        }
        let drained = drain.clone();
        parts.spawn(async move {
            drained
                .run_until_cancelled(keep_forgetting(journal, roster))
                .await;
            ("forgetting", Ok(()))
        });
        parts
    }
}

/// What a part's end means while nobody asked for it.
fn failure(ended: Result<Ended, tokio::task::JoinError>) -> ServerError {
    let (part, reason) = match ended {
        Ok((part, Err(reason))) => (part, reason),
        Ok((part, Ok(()))) => (part, "nobody asked it to".into()),
        Err(panic) => ("a part of the service", panic.into()),
    };
    error!(part, %reason, "ended");
    ServerError::Ended { part, reason }
}

/// Journals a tick when something is due, at most once a second.
async fn keep_forgetting(journal: Arc<dyn Journal>, roster: Arc<Roster>) {
    let clock = wall_clock();
    let mut interval = time::interval(TICK_INTERVAL);
    interval.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let received_at = clock();
        roster.trim_history(received_at);
        if roster.is_tick_due(received_at) {
            let payload = Payload::Tick;
            let appended = journal
                .append(Entry {
                    received_at,
                    payload,
                })
                .await;
            if let Err(error) = appended {
                // What is due stays due: the next tick tries again.
                warn!(%error, "cannot journal a tick");
            }
        }
    }
}

async fn listen(purpose: &'static str, address: SocketAddr) -> Result<TcpListener, ServerError> {
    let listen = |source| ServerError::Listen {
        purpose,
        address,
        source,
    };
    TcpListener::bind(address).await.map_err(listen)
}

/// How the users of an app log in to its chat service.
fn logins(app: &AppConfig) -> Logins {
    let is_multi = app.zim.as_ref().is_none_or(|zim| zim.multi_login);
    if is_multi {
        Logins::Concurrent
    } else {
        Logins::Exclusive
    }
}

fn limits(config: &Config) -> Limits {
    let Limits { feed, .. } = Limits::default();
    Limits {
        feed: FeedLimits {
            changes_max: config.roster.history_changes_max,
            ..feed
        },
        history_age_max: config.roster.history_age_max.into(),
        history_bytes_max: config.roster.history_bytes_max.as_usize(),
    }
}

impl Visible for Roster {
    fn applied(&self, revision: Revision) -> BoxFuture<'_, ()> {
        Box::pin(self.reached(revision))
    }
}
