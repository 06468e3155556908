//! The fronts and what they listen on: webhook, gRPC and admin.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{
    certificates::Certificates,
    descriptors::{self, Connections},
    error::ServerError,
    front_settings,
    gates::Gates,
    memory::MemoryLimits,
    parts,
    storage::Storage,
};
use crate::{
    access::Access,
    admin::{
        self, AdminFront, AdminMetrics, AdminParts, AdminPolicy, MetricsRegistry, ReloadError,
    },
    config::{AppConfig, Config},
    domain::{AppName, Clock},
    grpc::{self, GrpcMetrics, GrpcSettings, Health, Presence},
    net::{Listener, Readiness, Refusals, Security},
    providers::{Account, Registry},
    roster::Roster,
    webhook::{self, Capacity, Visibility, WebhookFront, WebhookMetrics, WebhookParts},
};

/// The fronts, listening but not answering yet.
#[derive(Debug)]
pub(super) struct Fronts {
    webhook: (Listener<Security>, Arc<WebhookFront>),
    grpc: (Listener<Security>, Presence),
    grpc_settings: GrpcSettings,
    grpc_per_address_max: usize,
    access: Access,
    refusals: Refusals,
    connections_max: Connections,
    grpc_metrics: GrpcMetrics,
    admin: Option<(Listener<Security>, Arc<AdminFront>)>,
    certificates: Certificates,
}

/// What the fronts are made of.
#[derive(Debug)]
pub(super) struct FrontParts<'a> {
    pub(super) memory: &'a MemoryLimits,
    pub(super) registry: Registry,
    pub(super) storage: &'a Storage,
    pub(super) roster: &'a Arc<Roster>,
    /// Says when callbacks and queries are served.
    pub(super) ready: &'a Readiness,
    pub(super) clock: Clock,
}

/// What a reload reaches of a running service.
#[derive(Clone, Debug)]
pub(super) struct Reloadable {
    pub(super) access: Access,
    pub(super) certificates: Certificates,
    pub(super) webhook: Arc<WebhookFront>,
}

/// The address of each front, for the log.
pub(super) struct Addresses(Vec<(&'static str, String)>);

// === impl Fronts ===

impl Fronts {
    /// Listens where the configuration says. The fronts add their metrics to `metrics`.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub(super) async fn bind(
        config: &Config,
        parts: FrontParts<'_>,
        mut metrics: MetricsRegistry,
    ) -> Result<Self, ServerError> {
        let FrontParts {
            memory,
            registry,
            storage,
            roster,
            ready,
            clock,
        } = parts;
        let connections_max = descriptors::connections(memory);
        let grpc_metrics = GrpcMetrics::register(metrics.registry_mut(), clock.clone());
        let admin_metrics = AdminMetrics::register(metrics.registry_mut());
        let refusals = Refusals::new(clock.clone());
        let front = WebhookFront::new(WebhookParts {
            settings: front_settings::webhook(
                config,
                memory,
                connections_max,
                storage.undecodable_bytes_max(),
            ),
            protection: config.protection()?,
            registry,
            accounts: accounts(&config.apps),
            journal: Arc::clone(&storage.journal),
            visibility: Arc::clone(roster) as Arc<dyn Visibility>,
            capacity: Arc::clone(roster) as Arc<dyn Capacity>,
            metrics: Arc::new(WebhookMetrics::register(metrics.registry_mut())),
            ready: ready.clone(),
            refusals: refusals.clone(),
            clock,
        });
        let presence = Presence::new(
            Arc::clone(roster),
            ready.clone(),
            config.grpc.progress_interval.into(),
            memory.watches,
            grpc_metrics.clone(),
        )
        .with_answer_bytes(memory.answer_bytes);
        let Gates {
            access,
            certificates,
            webhook: webhook_security,
            grpc: grpc_security,
            admin: admin_security,
        } = Gates::read(config)?;
        certificates.register(metrics.registry_mut());
        let admin = match config.admin.listen {
            Some(address) => {
                let listener = listen("operators", address, admin_security).await?;
                let front = AdminFront::new(AdminParts {
                    registry: metrics,
                    metrics: admin_metrics,
                    access: access.clone(),
                    policy: AdminPolicy {
                        is_loopback: address.ip().is_loopback(),
                        is_anonymous: config.admin.anonymous,
                    },
                    ready: ready.clone(),
                    refusals: refusals.clone(),
                });
                Some((listener, Arc::new(front)))
            }
            None => None,
        };
        Ok(Self {
            webhook: (
                listen("callbacks", config.webhook.listen, webhook_security).await?,
                Arc::new(front),
            ),
            grpc: (
                listen("gRPC", config.grpc.listen, grpc_security).await?,
                presence,
            ),
            grpc_settings: front_settings::grpc(&config.grpc, memory),
            grpc_per_address_max: config
                .grpc
                .connections_per_address_max
                .unwrap_or_else(|| connections_max.grpc_per_address()),
            access,
            refusals,
            connections_max,
            grpc_metrics,
            admin,
            certificates,
        })
    }

    pub(super) fn webhook_address(&self) -> io::Result<SocketAddr> {
        self.webhook.0.local_addr()
    }

    pub(super) fn grpc_address(&self) -> io::Result<SocketAddr> {
        self.grpc.0.local_addr()
    }

    pub(super) fn admin_address(&self) -> io::Result<Option<SocketAddr>> {
        let listener = self.admin.as_ref().map(|(listener, _)| listener);
        listener.map(Listener::local_addr).transpose()
    }

    /// Serves operators until `drain` is cancelled, if they are to be served. They are served
    /// before the others, and after them, so that they see how the service starts and ends.
    pub(super) fn spawn_admin(&mut self, parts: &mut parts::Parts, drain: &CancellationToken) {
        let Some((listener, front)) = self.admin.take() else {
            return;
        };
        let admin = admin::serve(listener, front, drain.clone());
        parts.spawn(async move {
            admin.await;
            ("the admin front", Ok(()))
        });
    }

    /// Says how operators read the configuration again.
    pub(super) fn reload_by(
        &self,
        reload: impl Fn() -> Result<Vec<String>, ReloadError> + Send + Sync + 'static,
    ) {
        if let Some((_, front)) = &self.admin {
            front.reload_by(reload);
        }
    }

    /// What a reload reaches.
    pub(super) fn reloadable(&self) -> Reloadable {
        Reloadable {
            access: self.access.clone(),
            certificates: self.certificates.clone(),
            webhook: Arc::clone(&self.webhook.1),
        }
    }

    pub(super) fn addresses(&self) -> Addresses {
        let listeners = [
            ("callbacks", Some(&self.webhook.0)),
            ("gRPC", Some(&self.grpc.0)),
            (
                "operators",
                self.admin.as_ref().map(|(listener, _)| listener),
            ),
        ];
        let addresses = listeners.into_iter().filter_map(|(what, listener)| {
            let address = listener?.local_addr().ok()?;
            Some((what, address.to_string()))
        });
        Addresses(addresses.collect())
    }

    /// Answers until `drain` is cancelled.
    pub(super) fn spawn(
        self,
        parts: &mut parts::Parts,
        health: &Health,
        drain: &CancellationToken,
    ) {
        self.certificates.spawn(parts, drain);
        let (listener, presence) = self.grpc;
        let connections_max = self.connections_max.grpc;
        let per_address_max = self.grpc_per_address_max;
        let metrics = &self.grpc_metrics;
        let connections = grpc::accept(listener, connections_max, per_address_max, metrics);
        let grpc = grpc::serve(
            connections,
            presence,
            health.clone(),
            self.access,
            self.refusals,
            self.grpc_settings,
            drain.clone(),
        );
        parts.spawn(async move { ("gRPC", grpc.await) });

        let (listener, front) = self.webhook;
        let webhook = webhook::serve(listener, front, drain.clone());
        parts.spawn(async move {
            webhook.await;
            ("the webhook front", Ok(()))
        });
    }
}

async fn listen(
    purpose: &'static str,
    address: SocketAddr,
    security: Security,
) -> Result<Listener<Security>, ServerError> {
    let listen = |source| ServerError::Listen {
        purpose,
        address,
        source,
    };
    let listener = Listener::bind(address).await.map_err(listen)?;
    Ok(listener.with_handshake(security))
}

/// The apps, each with its account.
pub(super) fn accounts(apps: &[AppConfig]) -> Vec<(AppName, Account)> {
    let apps = apps.iter();
    apps.map(|app| (AppName::from(&*app.name), app.account.clone()))
        .collect()
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (what, address)) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}{what} on {address}")?;
        }
        Ok(())
    }
}
