//! The values of settings that are not configured.

use std::net::{Ipv4Addr, SocketAddr};

use crate::domain::Networks;

use super::{
    GrpcConfig, JournalConfig, JournalKind, NonceReuse, Reflection, RosterConfig, ServerConfig,
    Size, Span, WebhookConfig,
};

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self {
            listen: loopback(8080),
            tls: None,
            insecure: false,
            allow: Networks::default(),
            proxies: Networks::default(),
            path_secret_file: None,
            requests_per_second_max: None,
            body_max: Size::from_kib(256),
            freshness_window: Span::from_mins(10),
            nonce_reuse: NonceReuse::Count,
            nonce_pairs_max: None,
            connections_max: None,
            connections_per_address_max: None,
            requests_max: 1024,
            header_read_timeout: Span::from_secs(10),
            body_read_timeout: Span::from_secs(10),
            // A body of 4 KiB comes in one or two packets, and then needs neither.
            body_rate_min: Size::from_kib(8),
            unread_bytes_max: None,
            // Above the 60 s after which common proxies close idle connections: one that the
            // server closed first could take a callback with it.
            idle_timeout: Span::from_secs(75),
        }
    }
}

impl Default for GrpcConfig {
    fn default() -> Self {
        Self {
            listen: loopback(50051),
            tls: None,
            insecure: false,
            progress_interval: Span::from_secs(15),
            connections_max: None,
            connections_per_address_max: None,
            idle_timeout: Span::from_mins(5),
            streams_per_connection_max: 1024,
            watches_max: None,
            stall_timeout: Span::from_secs(60),
            anonymous: false,
            reflection: Reflection::Open,
            tokens: Vec::new(),
            jwt: None,
            clients: Vec::new(),
        }
    }
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            kind: JournalKind::Disk,
            path: "data".into(),
            retention: Span::from_mins(24 * 60),
            checkpoint_interval: Span::from_mins(10),
            // A start replays no more than this, at several hundred thousand a second.
            checkpoint_entries: 500_000,
            bytes_max: None,
            accept_loss: false,
            quarantine: Vec::new(),
        }
    }
}

impl Default for RosterConfig {
    fn default() -> Self {
        Self {
            reorder_horizon: Span::from_mins(10),
            empty_room_ttl: Span::from_mins(35),
            history_changes_max: 1024,
            history_age_max: Span::from_mins(10),
            history_bytes_max: None,
            // 4 GiB hold as many, in rooms of four and more.
            users_max: 4_000_000,
            rooms_max: 1_000_000,
            // Sessions and lives that ended are remembered for 11 minutes: a user may log in again
            // every second.
            sessions_per_user_max: 1_000,
            lives_per_room_max: 1_000,
            bytes_max: None,
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            drain_timeout: Span::from_secs(10),
        }
    }
}
