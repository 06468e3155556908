//! What the gRPC front counts.

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use tokio::sync::OwnedSemaphorePermit;

use super::{call_times::CallTimes, stream::DeliveryTime};
use crate::{domain::Clock, net::ConnectionMetrics, roster::SnapshotReason};

/// What the gRPC front counts.
#[derive(Clone, Debug, Default)]
pub struct GrpcMetrics {
    /// Watches refused because too many were open.
    pub watches_refused: Counter,
    /// How often the cached pages of rooms were dropped, because answers took too many bytes.
    pub answers_dropped: Counter,
    /// Answers that were made while they were sent, because answers took too many bytes.
    pub answers_made_late: Counter,
    /// Answers that list less than they could, because answers took too many bytes.
    pub answers_shortened: Counter,
    /// Calls refused because too many heavy calls were running.
    pub heavy_calls_refused: Counter,
    /// Watches refused because too many waited for a revision that this server had not applied.
    pub catch_ups_refused: Counter,
    /// Streams that waited to make what they send, because too much was not taken yet.
    pub sends_waited: Counter,
    /// Watches refused because their connection had as many as it may.
    pub connection_watches_refused: Counter,
    /// Requests refused because their callers showed no valid credentials.
    pub unauthenticated: Counter,
    /// Unfinished requests that gave way to others.
    pub requests_displaced: Counter,
    /// Unfinished requests for which there was no room.
    pub requests_refused: Counter,
    /// Requests whose messages did not come in time.
    pub requests_late: Counter,
    /// The front's connections.
    pub connections: ConnectionMetrics,
    /// How long calls took.
    pub(super) call_times: CallTimes,
    /// How long changes took to watchers.
    pub(super) delivery_time: DeliveryTime,
    watches: Family<WatchLabels, Gauge>,
    credentials: Family<CredentialLabels, Counter>,
    snapshots: Family<SnapshotLabels, Counter>,
}

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WatchKind {
    /// A room.
    Room,
    /// A user.
    User,
    /// The health of the server.
    Health,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WatchLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SnapshotLabels {
    reason: ReasonLabel,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CredentialLabels {
    /// A name of the configuration, so there are few.
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ReasonLabel(SnapshotReason);

impl GrpcMetrics {
    /// Registers all metrics. They begin at zero. `clock` says when callbacks are received.
    pub fn register(registry: &mut Registry, clock: Clock) -> Self {
        let metrics = Self {
            delivery_time: DeliveryTime::new(clock),
            connections: ConnectionMetrics::register_http2(registry, "grpc_", "gRPC"),
            ..Self::default()
        };
        let Self {
            watches_refused,
            answers_dropped,
            answers_made_late,
            answers_shortened,
            heavy_calls_refused,
            catch_ups_refused,
            sends_waited,
            connection_watches_refused,
            unauthenticated,
            requests_displaced,
            requests_refused,
            requests_late,
            connections: _,
            call_times,
            delivery_time,
            watches,
            credentials,
            snapshots,
        } = &metrics;
        call_times.register(registry);
        delivery_time.register(registry);
        registry.register("watches", "Watches that are open", watches.clone());
        registry.register(
            "watches_refused",
            "Watches refused because watches_max were open",
            watches_refused.clone(),
        );
        registry.register(
            "answers_dropped",
            "Times that the answers kept for rooms that do not change were dropped to make room",
            answers_dropped.clone(),
        );
        registry.register(
            "answers_made_late",
            "Answers made while they were sent, because clients had not read too many others",
            answers_made_late.clone(),
        );
        registry.register(
            "answers_shortened",
            "Answers that list less than they could, because clients had not read too many others",
            answers_shortened.clone(),
        );
        registry.register(
            "heavy_calls_refused",
            "Calls refused because too many of those that read much were running",
            heavy_calls_refused.clone(),
        );
        registry.register(
            "catch_ups_refused",
            "Watches refused because too many waited for a revision that is not applied yet",
            catch_ups_refused.clone(),
        );
        registry.register(
            "sends_waited",
            "Streams that waited because too much of what was made for clients was not taken yet",
            sends_waited.clone(),
        );
        registry.register(
            "connection_watches_refused",
            "Watches refused because their connection had as many as it may",
            connection_watches_refused.clone(),
        );
        registry.register(
            "grpc_unauthenticated",
            "Requests refused because their callers showed no valid credentials",
            unauthenticated.clone(),
        );
        registry.register(
            "grpc_requests_displaced",
            "Requests that were not all there and gave way to others",
            requests_displaced.clone(),
        );
        registry.register(
            "grpc_requests_refused",
            "Requests that were not all there and for which there was no room",
            requests_refused.clone(),
        );
        registry.register(
            "grpc_requests_late",
            "Requests whose messages did not come in time",
            requests_late.clone(),
        );
        registry.register(
            "grpc_requests",
            "Requests let in, by the name of the credential",
            credentials.clone(),
        );
        registry.register(
            "snapshots",
            "Snapshots sent to watchers, by reason",
            snapshots.clone(),
        );
        for reason in SnapshotReason::ALL {
            metrics.snapshots(reason);
        }
        for kind in WatchKind::ALL {
            metrics.watches(kind);
        }
        metrics
    }

    /// Watches of a kind that are open.
    pub fn watches(&self, kind: WatchKind) -> Gauge {
        let kind = match kind {
            WatchKind::Room => "room",
            WatchKind::User => "user",
            WatchKind::Health => "health",
        };
        self.watches.get_or_create_owned(&WatchLabels { kind })
    }

    /// All watches that are open.
    pub fn watches_open(&self) -> i64 {
        let open = WatchKind::ALL.map(|kind| self.watches(kind).get());
        open.iter().sum()
    }

    /// Counts a request that a credential let in.
    pub(super) fn note_credential(&self, name: &str) {
        let name = name.to_owned();
        self.credentials
            .get_or_create(&CredentialLabels { name })
            .inc();
    }

    /// The number of snapshots sent for a reason. `Lagged` means that a watcher read so slowly
    /// that changes were forgotten before it read them.
    pub fn snapshots(&self, reason: SnapshotReason) -> Counter {
        let reason = ReasonLabel(reason);
        self.snapshots
            .get_or_create(&SnapshotLabels { reason })
            .clone()
    }
}

impl WatchKind {
    const ALL: [Self; 3] = [Self::Room, Self::User, Self::Health];
}

/// Counts a watch as open, until it is dropped.
#[derive(Debug)]
pub(super) struct OpenWatch {
    open: Gauge,
    snapshots: Family<SnapshotLabels, Counter>,
    _permit: OwnedSemaphorePermit,
    _of_connection: Option<OwnedSemaphorePermit>,
}

impl OpenWatch {
    /// The watch takes room among all watches, and among those of its connection if it has one.
    pub(super) fn new(
        permit: OwnedSemaphorePermit,
        of_connection: Option<OwnedSemaphorePermit>,
        metrics: &GrpcMetrics,
        kind: WatchKind,
    ) -> Self {
        let open = metrics.watches(kind);
        open.inc();
        Self {
            open,
            snapshots: metrics.snapshots.clone(),
            _permit: permit,
            _of_connection: of_connection,
        }
    }

    pub(super) fn count_snapshot(&self, reason: SnapshotReason) {
        let reason = ReasonLabel(reason);
        self.snapshots
            .get_or_create(&SnapshotLabels { reason })
            .inc();
    }
}

impl Drop for OpenWatch {
    fn drop(&mut self) {
        self.open.dec();
    }
}

impl EncodeLabelValue for ReasonLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Self(reason) = self;
        let reason = match reason {
            SnapshotReason::Initial => "initial",
            SnapshotReason::ResumeExpired => "resume_expired",
            SnapshotReason::Lagged => "lagged",
            SnapshotReason::EpochChanged => "epoch_changed",
            SnapshotReason::Replaced => "replaced",
        };
        reason.encode(encoder)
    }
}
