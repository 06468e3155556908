//! Open files: every connection is one, and so is every file of the journal.
//!
//! A process that has as many open files as it may cannot accept connections, not even one that
//! asks for metrics. So the fronts together get fewer connections than there are files, whatever
//! is configured.

use tracing::{debug, warn};

use super::memory::MemoryLimits;

/// How many files are kept for all that is no connection of a vendor or a client: the
/// [connections](crate::admin::CONNECTIONS_MAX) that ask for metrics (16), one more on each front
/// that is accepted to be refused, the listeners, the journal and its checkpoints, the runtime and
/// the standard streams. About 40 are in use at most.
const RESERVED_FILES: u64 = 64;

/// How many connections each front may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Connections {
    pub(super) webhook: usize,
    pub(super) grpc: usize,
}

/// Lets this process open as many files as the operating system grants it. Most systems grant
/// many, and begin with 1,024 for the sake of programs that cannot handle more.
pub fn raise_file_limit() {
    match limit::raise() {
        Ok(files) => debug!(files, "raised the limit of open files"),
        Err(error) => warn!(%error, "cannot raise the limit of open files"),
    }
}

/// How many connections each front may have: what memory and configuration say, or less if this
/// process may not open as many files. It says so then.
pub(super) fn connections(limits: &MemoryLimits) -> Connections {
    let wanted = Connections {
        webhook: limits.webhook_connections,
        grpc: limits.grpc_connections,
    };
    let files_max = limit::current();
    let connections = wanted.within(files_max);
    if connections != wanted {
        warn!(
            files_max,
            needed = wanted.files(),
            "this process may open fewer files than its connections need: webhook.connections_max is lowered to {}, and grpc.connections_max to {}; raise the limit (`ulimit -n`, or LimitNOFILE of systemd)",
            connections.webhook,
            connections.grpc
        );
    }
    connections
}

impl Connections {
    /// How many of the webhook front one stranger's address may have, if it is not configured: eight
    /// addresses are needed to fill the front.
    pub(super) fn webhook_per_address(self) -> usize {
        (self.webhook / 8).max(1)
    }

    /// How many of the gRPC front one address may have, if it is not configured: it leaves room
    /// for others.
    pub(super) fn grpc_per_address(self) -> usize {
        (self.grpc / 4 * 3).max(1)
    }

    /// The files that are needed for so many.
    fn files(self) -> u64 {
        let both = (self.webhook as u64).saturating_add(self.grpc as u64);
        both.saturating_add(RESERVED_FILES)
    }

    /// The same, or as many of each, in proportion, as there may be open files. Each front keeps
    /// one.
    fn within(self, files_max: u64) -> Self {
        if self.files() <= files_max {
            return self;
        }
        let available = u128::from(files_max.saturating_sub(RESERVED_FILES).max(2));
        let (webhook, grpc) = (self.webhook as u128, self.grpc as u128);
        let share = available * webhook / (webhook + grpc).max(1);
        let webhook = share.clamp(1, available - 1);
        let lower = |connections: u128| usize::try_from(connections).unwrap_or(usize::MAX);
        Self {
            webhook: lower(webhook),
            grpc: lower(available - webhook),
        }
    }
}

#[cfg(unix)]
mod limit {
    use std::io;

    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    /// How many files may be open. Without a limit: more than there can be.
    pub(super) fn current() -> u64 {
        getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
    }

    /// Raises how many files may be open to what is granted. Returns how many those are.
    pub(super) fn raise() -> io::Result<u64> {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current != maximum {
            let raised = Rlimit {
                current: maximum,
                maximum,
            };
            setrlimit(Resource::Nofile, raised)?;
        }
        Ok(self::current())
    }
}

#[cfg(not(unix))]
mod limit {
    use std::io;

    pub(super) fn current() -> u64 {
        u64::MAX
    }

    pub(super) fn raise() -> io::Result<u64> {
        Ok(current())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_configured_holds_if_there_are_files_for_it() {
        let configured = Connections {
            webhook: 100,
            grpc: 300,
        };
        assert_eq!(configured.within(464), configured);
        assert_eq!(configured.within(u64::MAX), configured);
        let lowered = Connections {
            webhook: 50,
            grpc: 150,
        };
        assert_eq!(configured.within(264), lowered);
    }

    proptest! {
        #[test]
        fn the_fronts_leave_the_reserve_and_each_has_a_connection(
            webhook in 1_usize..,
            grpc in 1_usize..,
            files_max in prop_oneof![0_u64..1000, any::<u64>()],
        ) {
            let configured = Connections { webhook, grpc };
            let fitting = configured.within(files_max);
            prop_assert!(1 <= fitting.webhook && fitting.webhook <= webhook.max(2));
            prop_assert!(1 <= fitting.grpc && fitting.grpc <= grpc.max(2));
            prop_assert!(fitting.files() <= files_max.max(RESERVED_FILES + 2));
        }
    }
}
