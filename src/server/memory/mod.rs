//! Divides the memory that this process may take among all that callers can let grow.
//!
//! A limit that is not configured is what its [part](parts) holds. All parts together are less than
//! the memory, whatever there is of it. A limit that is configured may be more than its part:
//! then the start warns if all together are more than the memory.

mod parts;
mod system;

use tracing::{info, warn};

use self::{parts::Part, system::Memory};
use crate::config::{Config, Size};

/// The limits that follow from the memory, unless they are configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MemoryLimits {
    /// Of the roster, without history.
    pub(super) roster_bytes: usize,
    /// Of changes that are remembered.
    pub(super) history_bytes: usize,
    /// Of users who are kept because they were queried.
    pub(super) queried_bytes: usize,
    /// Watches that are open.
    pub(super) watches: usize,
    /// Connections of the gRPC front.
    pub(super) grpc_connections: usize,
    /// Connections of the webhook front.
    pub(super) webhook_connections: usize,
    /// Of requests whose bodies are on their way.
    pub(super) unread_bytes: usize,
    /// Of callbacks that wait for the disk.
    pub(super) waiting_bytes: usize,
    /// Of answers that are encoded as a whole.
    pub(super) answer_bytes: usize,
    /// Of parts of messages that their clients did not take yet.
    pub(super) unsent_bytes: usize,
    /// Signatures that are remembered.
    pub(super) nonce_pairs: usize,
}

impl MemoryLimits {
    /// The limits of this process. The log says what follows from the memory, and warns of more
    /// than there is.
    pub(super) fn of_process(config: &Config) -> Self {
        let Memory { bytes, source } = Memory::of_process();
        let limits = Self::within(bytes, config);
        info!(memory = bytes, source, ?limits, "divided the memory");
        let needed = limits.bytes();
        if needed > bytes {
            warn!(
                needed,
                memory = bytes,
                source,
                "the configured limits allow more than there is memory for"
            );
        }
        limits
    }

    /// The limits within so much memory.
    fn within(memory: u64, config: &Config) -> Self {
        let Config {
            webhook,
            grpc,
            roster,
            ..
        } = config;
        let limit = |part: Part, configured: Option<usize>| {
            configured.unwrap_or_else(|| part.fits_in(memory))
        };
        let bytes =
            |part: Part, configured: Option<Size>| limit(part, configured.map(Size::as_usize));
        Self {
            roster_bytes: bytes(parts::ROSTER, roster.bytes_max),
            history_bytes: bytes(parts::HISTORY, roster.history_bytes_max),
            queried_bytes: limit(parts::QUERIED, None),
            watches: limit(parts::WATCHES, grpc.watches_max),
            grpc_connections: limit(parts::GRPC_CONNECTIONS, grpc.connections_max),
            webhook_connections: limit(parts::WEBHOOK_CONNECTIONS, webhook.connections_max),
            // A body of the longest kind has to fit into what one sender may take of it.
            unread_bytes: bytes(parts::UNREAD, webhook.unread_bytes_max)
                .max(config.unread_bytes_min().as_usize()),
            waiting_bytes: limit(parts::WAITING, None),
            answer_bytes: limit(parts::ANSWERS, None),
            unsent_bytes: limit(parts::UNSENT, None),
            nonce_pairs: limit(parts::NONCE_PAIRS, webhook.nonce_pairs_max),
        }
    }

    /// What all takes together when each is at its limit.
    fn bytes(&self) -> u64 {
        let Self {
            roster_bytes,
            history_bytes,
            queried_bytes,
            watches,
            grpc_connections,
            webhook_connections,
            unread_bytes,
            waiting_bytes,
            answer_bytes,
            unsent_bytes,
            nonce_pairs,
        } = *self;
        let parts = [
            (parts::ROSTER, roster_bytes),
            (parts::HISTORY, history_bytes),
            (parts::QUERIED, queried_bytes),
            (parts::WATCHES, watches),
            (parts::GRPC_CONNECTIONS, grpc_connections),
            (parts::WEBHOOK_CONNECTIONS, webhook_connections),
            (parts::UNREAD, unread_bytes),
            (parts::WAITING, waiting_bytes),
            (parts::ANSWERS, answer_bytes),
            (parts::UNSENT, unsent_bytes),
            (parts::NONCE_PAIRS, nonce_pairs),
        ];
        let bytes = parts.map(|(part, limit)| part.bytes_of(limit));
        bytes.into_iter().fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn limits(memory: u64) -> MemoryLimits {
        MemoryLimits::within(memory, &Config::default())
    }

    #[test]
    fn all_parts_together_leave_memory_for_the_process_itself() {
        for memory in [256 * MIB, 512 * MIB, 4096 * MIB, 65536 * MIB] {
            let rest = memory - limits(memory).bytes();
            assert!(rest >= memory / 32, "{rest} of {memory}");
        }
    }

    #[test]
    fn little_memory_lowers_every_limit_and_much_raises_only_the_roster() {
        let little = limits(512 * MIB);
        let expected = MemoryLimits {
            roster_bytes: 256 << 20,
            history_bytes: 16 << 20,
            queried_bytes: 8 << 20,
            watches: 5_957,
            grpc_connections: 1_365,
            webhook_connections: 682,
            unread_bytes: 16 << 20,
            waiting_bytes: 16 << 20,
            answer_bytes: 16 << 20,
            unsent_bytes: 16 << 20,
            nonce_pairs: 161_319,
        };
        assert_eq!(little, expected);
        let usual = MemoryLimits {
            roster_bytes: 2 << 30,
            history_bytes: 64 << 20,
            queried_bytes: 64 << 20,
            watches: 47_662,
            grpc_connections: 10_000,
            webhook_connections: 4_096,
            unread_bytes: 32 << 20,
            waiting_bytes: 64 << 20,
            answer_bytes: 64 << 20,
            unsent_bytes: 64 << 20,
            nonce_pairs: 1_000_000,
        };
        assert_eq!(limits(4096 * MIB), usual);
        let much = MemoryLimits {
            roster_bytes: 32 << 30,
            watches: 100_000,
            ..usual
        };
        assert_eq!(limits(65536 * MIB), much);
    }

    #[test]
    fn what_is_configured_holds_and_counts() {
        let mut config = Config::default();
        config.grpc.connections_max = Some(20_000);
        config.roster.bytes_max = Some(Size::from_mib(1));
        let limits = MemoryLimits::within(512 * MIB, &config);
        assert_eq!(limits.grpc_connections, 20_000);
        assert_eq!(limits.roster_bytes, 1 << 20);
        assert!(limits.bytes() > 512 * MIB, "more than there is");
    }

    #[test]
    fn the_longest_body_fits_however_little_memory_there_is() {
        let mut config = Config::default();
        config.webhook.body_max = Size::from_mib(8);
        let limits = MemoryLimits::within(256 * MIB, &config);
        assert_eq!(limits.unread_bytes, 64 << 20);
        assert!(MemoryLimits::within(0, &config).watches >= 1);
    }
}
