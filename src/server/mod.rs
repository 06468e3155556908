//! Makes the parts that a configuration asks for, connects them, runs them, and ends them in
//! order.
//!
//! A callback goes one way: the webhook front appends it to the journal, the journal's
//! follower applies it to the roster, and the gRPC front reads the roster.

mod acceptance;
mod backup;
mod certificates;
mod checkpointing;
mod clock_watch;
mod descriptors;
mod error;
mod front_settings;
mod fronts;
mod gates;
mod journal_space;
mod latest_checkpoint;
mod memory;
mod parts;
mod recovery;
mod reload;
mod roster_settings;
mod service_manager;
mod storage;
mod upkeep;
mod vitals;

use std::{future::Future, io, mem, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{
    task,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    admin::{MetricsRegistry, ReloadError},
    config::{Config, ConfigError},
    control::{ControlMetrics, ControlSocket},
    domain::Clock,
    grpc::Health,
    journal::{Decoder, Entry, Revision},
    net::Readiness,
    providers::Registry,
    reconcile::Rules,
    roster::{Applier, Roster},
    webhook::{Capacity, Full, Visibility},
};

pub use self::{
    descriptors::raise_file_limit,
    error::ServerError,
    gates::check,
    reload::Reloader,
    roster_settings::rules,
    upkeep::{forget_due, keep_forgetting},
};

pub(crate) use self::roster_settings::{apps, limits};

use self::{
    backup::RunningBackups,
    checkpointing::{CheckpointPolicy, Keeper},
    clock_watch::ClockWatch,
    fronts::{Addresses, FrontParts, Fronts},
    memory::MemoryLimits,
    parts::{Parts, ended, failure},
    reload::ReloadMetrics,
    service_manager::ServiceManager,
    storage::Storage,
    vitals::Vitals,
};

/// How long before the configured end of draining the remaining work is cut off, so that the
/// process ends in time.
const DRAIN_MARGIN: Duration = Duration::from_millis(200);

/// How long a replay of the journal may take before connections are accepted. A short replay
/// is not noticed by clients. During a longer one they are told to come back later.
const QUIET_START: Duration = Duration::from_millis(250);

/// The service, listening but not serving yet.
#[derive(Debug)]
pub struct Server {
    fronts: Fronts,
    storage: Storage,
    /// Where commands ask, if the journal is on disk.
    control: Option<ControlSocket>,
    control_metrics: ControlMetrics,
    checkpoint_policy: CheckpointPolicy,
    roster: Arc<Roster>,
    /// Writes to the roster. It is given to the journal when the service starts.
    applier: Applier,
    ready: Readiness,
    manager: ServiceManager,
    clock: Clock,
    clock_watch: ClockWatch,
    reload_metrics: ReloadMetrics,
    /// The names of the apps, for the log.
    apps: Vec<String>,
    drain_timeout: Duration,
}

impl Server {
    /// Opens the journal and listens where a valid configuration says. Takes the callbacks of the
    /// vendors of `registry`, with which the configuration was read.
    ///
    /// # Errors
    /// When the journal cannot be opened, or an address cannot be listened on.
    pub async fn bind(
        config: &Config,
        registry: Registry,
        rules: Rules,
    ) -> Result<Self, ServerError> {
        let decoder =
            Decoder::new(move |product, query, body| registry.decode(product, query, body));
        let memory = MemoryLimits::of_process(config);
        let storage = Storage::open(
            &config.journal,
            config.journal_bytes_min(),
            memory.waiting_bytes,
            decoder,
        )?;
        let control = storage.disk.as_deref().and_then(backup::listen);
        let epoch = storage.journal.epoch();
        let mut limits = limits(config);
        limits.capacity.bytes_max = memory.roster_bytes;
        limits.history_bytes_max = memory.history_bytes;
        limits.queried_bytes_max = memory.queried_bytes;
        let (roster, applier) = Roster::new(epoch, apps(config), rules, limits);

        let mut metrics = MetricsRegistry::new();
        let products = registry.products().map(|(_, product)| product.name);
        roster.metrics().begin_products(products);
        roster.register(metrics.registry_mut());
        storage.register(metrics.registry_mut());
        let control_metrics = ControlMetrics::default();
        control_metrics.register(metrics.registry_mut());
        let ready = Readiness::of(Vitals {
            journal: Arc::clone(&storage.journal),
            roster: Arc::clone(&roster),
        });
        ready.register(metrics.registry_mut());
        let clock = Clock::system();
        let clock_watch = ClockWatch::register(metrics.registry_mut());
        let reload_metrics = ReloadMetrics::register(metrics.registry_mut());
        let fronts = Fronts::bind(
            config,
            FrontParts {
                memory: &memory,
                registry,
                storage: &storage,
                roster: &roster,
                ready: &ready,
                clock: clock.clone(),
            },
            metrics,
        )
        .await?;
        Ok(Self {
            fronts,
            storage,
            control,
            control_metrics,
            checkpoint_policy: CheckpointPolicy::new(&config.journal, clock.clone()),
            roster,
            applier,
            manager: ServiceManager::new(ready.clone()),
            ready,
            clock,
            clock_watch,
            reload_metrics,
            apps: config.apps.iter().map(|app| app.name.clone()).collect(),
            drain_timeout: config.server.drain_timeout.into(),
        })
    }

    /// What reads the configuration again, by `read`. This server was bound with `started`.
    /// Operators do so with it, too.
    pub fn reloader(
        &self,
        started: Config,
        read: impl Fn() -> Result<(Config, Vec<String>), ConfigError> + Send + Sync + 'static,
    ) -> Reloader {
        let (target, metrics) = (self.fronts.reloadable(), self.reload_metrics.clone());
        let manager = self.manager.clone();
        let reloader = Reloader::new(Box::new(read), started, target, metrics, manager);
        let by_operators = reloader.clone();
        self.fronts.reload_by(move || {
            let reloaded = by_operators.reload();
            reloaded.map_err(|error| ReloadError::Configuration(error.to_string()))
        });
        reloader
    }

    /// Where callbacks are taken in.
    ///
    /// # Errors
    /// When the operating system cannot tell.
    pub fn webhook_address(&self) -> io::Result<SocketAddr> {
        self.fronts.webhook_address()
    }

    /// Where gRPC is served.
    ///
    /// # Errors
    /// When the operating system cannot tell.
    pub fn grpc_address(&self) -> io::Result<SocketAddr> {
        self.fronts.grpc_address()
    }

    /// Where operators are served, if they are.
    ///
    /// # Errors
    /// When the operating system cannot tell.
    pub fn admin_address(&self) -> io::Result<Option<SocketAddr>> {
        self.fronts.admin_address()
    }

    /// Serves until `shutdown` completes. Then stops accepting, finishes requests that are in
    /// work, and ends streams with `UNAVAILABLE`. Cuts off what takes longer than the
    /// configured `drain_timeout`, less a margin.
    ///
    /// # Errors
    /// When a part of the service fails.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let drain_timeout = self.drain_timeout;
        // At least half of a short timeout is left.
        let cut_off = drain_timeout
            .saturating_sub(DRAIN_MARGIN)
            .max(drain_timeout / 2);
        let health = Health::new().await;
        let drain = CancellationToken::new();
        let mut parts = Parts::new();
        // They go on while the others drain.
        let (mut for_operators, last_drain) = (Parts::new(), CancellationToken::new());
        let (manager, addresses) = (self.manager.clone(), self.fronts.addresses());
        self.fronts.spawn_admin(&mut for_operators, &last_drain);
        manager.spawn(&mut for_operators, &last_drain);

        let (storage, roster) = (self.storage.clone(), Arc::clone(&self.roster));
        let (ready, policy) = (self.ready.clone(), self.checkpoint_policy.clone());
        let mut stopped = None;
        let failed = tokio::select! {
            () = shutdown => None,
            failed = self.serve(&addresses, &health, &drain, &mut parts, &mut stopped) => Some(failed),
            ended = for_operators.join_next() => Some(failure(ended)),
        };
        let failed = failed.or(stopped);
        info!("draining");
        let cut_off = Instant::now() + cut_off;
        ready.drain();
        health.tell(&ready).await;
        manager.look();
        drain.cancel();
        let drained = async { while parts.join_next().await.is_some() {} };
        let is_drained = time::timeout_at(cut_off, drained).await.is_ok();
        if !is_drained {
            warn!(
                ?drain_timeout,
                "draining takes too long: what is left is cut off"
            );
        } else {
            info!("drained");
        }
        // What was cut off may still change the roster.
        if let Some(checkpoints) = storage
            .checkpoints
            .filter(|_| is_drained && ready.is_ready())
        {
            let last = storage.journal.last();
            let written = checkpointing::write_news(&checkpoints, last, &roster, &policy);
            if time::timeout_at(cut_off, written).await.is_err() {
                warn!("there is no time for a last checkpoint: the next start takes longer");
            }
        }
        last_drain.cancel();
        let ended = async { while for_operators.join_next().await.is_some() {} };
        // Whoever still asks is cut off.
        let _ = time::timeout_at(cut_off, ended).await;
        // The process ends. To free a million members one by one takes seconds.
        mem::forget(roster);
        failed.map_or(Ok(()), Err)
    }

    /// Serves until something fails. Clients that come during a long replay of the journal are
    /// told to come back later. If it cannot serve, and waits to be ended, `stopped` says why.
    async fn serve(
        self,
        addresses: &Addresses,
        health: &Health,
        drain: &CancellationToken,
        parts: &mut Parts,
        stopped: &mut Option<ServerError>,
    ) -> ServerError {
        let Self {
            fronts,
            storage,
            control,
            control_metrics,
            checkpoint_policy: policy,
            roster,
            applier,
            ready,
            manager,
            clock,
            clock_watch,
            apps,
            reload_metrics: _,
            drain_timeout: _,
        } = self;
        let recovering = storage.clone();
        let mut recovery = task::spawn_blocking(move || recovery::recover(&recovering, applier));
        let quick = time::timeout(QUIET_START, &mut recovery).await;
        let is_long = quick.is_err();
        if is_long {
            info!("replaying the journal: not ready yet");
        }
        fronts.spawn(parts, health, drain);
        if let (Some(socket), Some(journal), Some(checkpoints)) =
            (control, storage.disk, storage.checkpoints.clone())
        {
            let backups = RunningBackups {
                journal,
                checkpoints,
                roster: Arc::clone(&roster),
                policy: policy.clone(),
                ready: ready.clone(),
            };
            backup::spawn(parts, drain, socket, backups, control_metrics);
        }
        let recovered = match quick {
            Ok(recovered) => recovered,
            Err(_) => tokio::select! {
                recovered = recovery => recovered,
                ended = parts.join_next() => return failure(ended),
            },
        };
        match recovered {
            Ok(Ok(())) => {}
            Ok(Err(error @ ServerError::Unappliable { .. })) => {
                // The next start would fail alike. So it is not left to a process manager to start
                // it again and again: whoever asks is told why, until an operator ends it.
                error!(%error, "cannot serve: waits to be ended");
                ready.stop(error.to_string());
                *stopped = Some(error);
                return failure(parts.join_next().await);
            }
            Ok(Err(error)) => {
                error!(%error, "cannot start");
                return error;
            }
            Err(panic) => return ended("recovery", panic.into()),
        }
        if let Some(journal_time) = roster.journal_time() {
            clock.resume(journal_time);
        }
        upkeep::spawn(
            parts,
            health,
            drain,
            &storage.journal,
            &roster,
            &ready,
            &clock,
        );
        clock_watch.spawn(parts, drain, clock);
        if let Some(checkpoints) = storage.checkpoints {
            let keeper = Keeper::new(storage.journal, checkpoints, roster, policy, is_long);
            checkpointing::spawn(parts, drain, keeper);
        }
        ready.set(true);
        health.tell(&ready).await;
        manager.look();
        info!(apps = apps.join(", "), "serving {addresses}");
        failure(parts.join_next().await)
    }
}

impl Visibility for Roster {
    fn applied(&self, revision: Revision) -> BoxFuture<'_, ()> {
        Box::pin(self.reached(revision))
    }
}

impl Capacity for Roster {
    fn hold(&self, entry: &Entry) -> Result<usize, Full> {
        Roster::hold(self, entry).map_err(|limit| Full { limit: limit.key() })
    }

    fn release(&self, held: usize) {
        Roster::release(self, held);
    }
}
