//! The configuration: one TOML file, its keys as environment variables, and
//! their defaults.
//!
//! If a setting has several values, a flag comes before an environment variable, that before the
//! file, and that before the default. A [`Config`] that [`Config::read`] made and [`Config::validate`] let pass can be served.

mod access;
mod apps;
mod defaults;
mod effective;
mod error;
mod load;
mod log;
mod protection;
mod tls;
mod units;
mod validate;

use std::{net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    domain::Networks,
    providers::{Account, Files},
};

pub use crate::webhook::NonceReuse;

pub use self::{
    access::{ClientConfig, JwtConfig, Reflection, TokenConfig},
    effective::Effective,
    error::ConfigError,
    load::{overriding, stray_variables},
    log::{LogConfig, LogFilter, LogFormat, OWN_CRATES},
    tls::TlsConfig,
    units::{Size, Span, UnitError},
    validate::JOURNAL_BYTES_MIN,
};

/// Everything that can be configured. Unknown keys are errors.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The HTTP front that takes callbacks in.
    pub webhook: WebhookConfig,
    /// The gRPC service that answers who is where.
    pub grpc: GrpcConfig,
    /// Where accepted callbacks are kept.
    pub journal: JournalConfig,
    /// What is remembered, and for how long.
    pub roster: RosterConfig,
    /// The process as a whole.
    pub server: ServerConfig,
    /// The front for operators.
    pub admin: AdminConfig,
    /// What is logged, and how.
    pub log: LogConfig,
    /// The apps whose callbacks are taken. [`Config::read`] reads them, since the vendors read
    /// their own sections; to deserialize a `Config` gives none. They are not written, because
    /// their secrets would be lost.
    #[serde(skip_serializing, deserialize_with = "apps::none")]
    pub apps: Vec<AppConfig>,
}

/// The HTTP front that takes callbacks in. The limits bound what a slow or
/// hostile sender can cost.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The certificate, for TLS.
    pub tls: Option<TlsConfig>,
    /// Whether to speak plain text on an address that others can reach: behind a proxy with TLS.
    pub insecure: bool,
    /// The networks of those who may send callbacks; everybody, if there is none.
    pub allow: Networks,
    /// The proxies whose `Forwarded` and `X-Forwarded-For` are believed.
    pub proxies: Networks,
    /// What the path of every callback has to begin with, in a file. While a new secret replaces
    /// another, it is a list of files, of which any is right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_secret_file: Option<Files>,
    /// Requests that an address may send a second, and in a burst; one more is answered 429.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_second_max: Option<u32>,
    /// The longest body. Documented callbacks stay below 4 KiB; what an app's
    /// client can attach to a login is the unknown part.
    pub body_max: Size,
    /// How far a signature's time may be from now, either way.
    pub freshness_window: Span,
    /// What happens to a signature that returns with other events.
    pub nonce_reuse: NonceReuse,
    /// How many signatures are remembered to notice their return; the oldest
    /// is forgotten first. About 50 bytes each. If it is not set, as many as a 64th of the memory
    /// holds, at most 1,000,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce_pairs_max: Option<usize>,
    /// Open connections. For one more, the oldest is closed that brought no authentic callback;
    /// if there is none, the new one is answered 503 and closed. If it is not set, as many as 3/64 of
    /// the memory hold, at most 4,096.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections_max: Option<usize>,
    /// Open connections of one address, or one IPv6 network of 64 bits, that sent no authentic
    /// callback. For one more, the oldest of them is closed. An eighth of all, if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections_per_address_max: Option<usize>,
    /// Authentic requests in work at once; one more is answered 503. With `body_max` it
    /// bounds the memory that their bodies take.
    pub requests_max: usize,
    /// How long a request's head may take to arrive.
    pub header_read_timeout: Span,
    /// How long a request's body may take to arrive.
    pub body_read_timeout: Span,
    /// The least bytes a second of a body that does not come with its head, after a grace of
    /// two seconds; a slower one is answered 408.
    pub body_rate_min: Size,
    /// What all requests may take whose bodies are on their way; a quarter for one address that
    /// sent no authentic callback. For one more, the oldest are answered 503. If it is not set, 2/64
    /// of the memory, at most 32 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread_bytes_max: Option<Size>,
    /// How long a connection may stay open without a request. A proxy in front should close it
    /// earlier, or a callback may be sent on a connection that is just being closed.
    pub idle_timeout: Span,
}

/// The gRPC service that answers who is where.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct GrpcConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The certificate, for TLS.
    pub tls: Option<TlsConfig>,
    /// Whether to speak plain text on an address that others can reach: behind a proxy with TLS.
    pub insecure: bool,
    /// After how much silence a watch is told that nothing changed.
    pub progress_interval: Span,
    /// Open connections; one more is closed at once. Behind a proxy that does not share
    /// connections, such as nginx, each call and each watch is one. If it is not set, as many as 6/64
    /// of the memory hold, at most 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections_max: Option<usize>,
    /// Open connections of one address, or one IPv6 network of 64 bits. For one more, the oldest of
    /// them is closed that has not asked anything; if there is none, the new one. Three quarters of
    /// all, if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections_per_address_max: Option<usize>,
    /// How long a connection may stay open without a call or a watch.
    pub idle_timeout: Span,
    /// Calls and watches open at once on one connection. Some are kept for calls: of 1,024, 1,000
    /// may be watches.
    pub streams_per_connection_max: u32,
    /// Watches open at once in all; one more is `RESOURCE_EXHAUSTED`. If it is not set, as many as
    /// an eighth of the memory holds, at most 100,000.
    pub watches_max: Option<usize>,
    /// How long a stream may have something to send that its client does not take. Then it ends.
    pub stall_timeout: Span,
    /// Whether everybody who reaches an address that is not loopback may ask everything.
    pub anonymous: bool,
    /// Who may see which calls there are.
    pub reflection: Reflection,
    /// The bearer tokens that are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<TokenConfig>,
    /// What makes a JWT valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt: Option<JwtConfig>,
    /// The client certificates that are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<ClientConfig>,
}

/// Where accepted callbacks are kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct JournalConfig {
    /// The kind of journal.
    pub kind: JournalKind,
    /// The folder of a disk journal. A relative one in a configuration file, and the
    /// default, is beside that file.
    pub path: PathBuf,
    /// How long a disk journal keeps callbacks for replay, at least. It keeps those that no
    /// checkpoint covers for longer.
    pub retention: Span,
    /// How long after a checkpoint the next is written, if there are new entries.
    pub checkpoint_interval: Span,
    /// After how many entries the next checkpoint is written at the latest: it bounds
    /// what a start has to replay.
    pub checkpoint_entries: u64,
    /// The most that the folder of a disk journal may take, checkpoints included. With little
    /// left, callbacks that a checkpoint covers are dropped before `retention` is over; with none,
    /// callbacks are answered 503. If not set, it is derived when the service starts: most of what
    /// the disk has free, and what the folder has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_max: Option<Size>,
    /// Whether a start goes on without entries that are lost. It is no key: an operator says so
    /// for one start.
    #[serde(skip)]
    pub accept_loss: bool,
    /// The revisions of callbacks that get no effect, because the code panicked on them. The
    /// folder remembers them, so this is no key either.
    #[serde(skip)]
    pub quarantine: Vec<u64>,
}

/// The kind of journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalKind {
    /// Nothing is kept: a restart begins with an empty roster.
    Memory,
    /// A folder on disk.
    Disk,
}

/// What is remembered, and for how long.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RosterConfig {
    /// How late a callback may be and still count.
    pub reorder_horizon: Span,
    /// How long an open room without users is believed to be open.
    pub empty_room_ttl: Span,
    /// Changes remembered of each room, for watches to resume from.
    pub history_changes_max: usize,
    /// How long a change is remembered.
    pub history_age_max: Span,
    /// What all remembered changes may take, with what is encoded of them for watches. If it is not
    /// set, 2/64 of the memory, at most 64 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_bytes_max: Option<Size>,
    /// Users of whom something is known: each counts once for each life of a room, present in it
    /// or not, and once more for their devices. A callback that would add one is answered 503.
    pub users_max: usize,
    /// Rooms of which something is known. A callback that would add one is answered 503.
    pub rooms_max: usize,
    /// Sessions of a user in one life of a room, and devices of a user. A callback that would add
    /// one is answered 503.
    pub sessions_per_user_max: usize,
    /// Lives of a room that are still remembered. A callback that would add one is answered 503.
    pub lives_per_room_max: usize,
    /// What all rooms and users may take, without history. A callback that would add anything is
    /// answered 503. Half of the memory that there is for the process, if not set.
    pub bytes_max: Option<Size>,
}

/// The process as a whole.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// How long the shutdown may take, from the signal to the end of the process. It waits for
    /// requests in flight and streams. This must be below what the process manager grants,
    /// commonly 30 s.
    pub drain_timeout: Span,
}

/// The front for operators.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminConfig {
    /// Where to listen; nowhere if not set.
    pub listen: Option<SocketAddr>,
    /// The certificate, for TLS.
    pub tls: Option<TlsConfig>,
    /// Whether to speak plain text on an address that others can reach.
    pub insecure: bool,
    /// Whether everybody who reaches an address that is not loopback may see everything.
    pub anonymous: bool,
}

/// An app: a scope of rooms and users, and the vendor's account whose callbacks fill it.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// What gRPC requests call it.
    pub name: String,
    /// Its account at the vendor whose callbacks are taken. Its secrets have been read.
    pub account: Account,
}
