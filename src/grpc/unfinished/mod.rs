//! Bounds what requests hold whose messages do not come, or do not end.
//!
//! A client may begin a request and send its message later, or never, and may leave its body open
//! after that. Until then the request is in memory. So it needs room:
//!
//! - A request whose first message did not come with its head takes from what requests that
//!   [wait](WAITING_BYTES_MAX) may hold together, for some seconds at most.
//! - A body that goes on after its first message takes a place among those that are
//!   [open](OPEN_MAX), for as long as it is open. Those to [reflection](REFLECTIONS_MAX) are fewer.
//!
//! All are [budgets](Budget): what strangers hold is lent, the oldest gives way. Whoever showed a
//! credential is no stranger. A request that comes with its message, and ends with it, takes nothing.

mod body;
mod first_message;

use std::time::Duration;

use tokio::time::Instant;
use tonic::Status;
use tracing::warn;

use super::GrpcMetrics;
use crate::net::{
    Peer, Throttle,
    budget::{Budget, Holding, Limits, Trust},
};

pub(super) use self::body::BoundedBody;

/// The most bytes of one message that a client sends. The longest that the API takes has two ids of
/// 1,024 bytes, and a page token with three. Memory for all of a message is reserved when its length
/// is known, and it need not come.
pub(super) const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// How long the first message of a request may take to come. Clients send it with the head; a lost
/// packet is sent again within a few seconds.
const MESSAGE_WITHIN: Duration = Duration::from_secs(10);

/// What a request takes that waits for its message, without head and message: its stream and task,
/// and the buffer for what comes. Measured: 10 KiB in the presence service, 14 KiB in health and 21 KiB
/// in reflection.
const REQUEST_BYTES: usize = 16 * 1024;

/// What the requests may take together that wait for their messages: some 4,000 short ones.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// How many requests may have bodies that go on after their first messages. Each has a stream and a
/// task, like one that waits. What comes is read at once.
const OPEN_MAX: usize = 4096;

/// How many requests to reflection may go on. It is for people who look at what there is. It reads no
/// further while its answers are not taken, and makes three of them meanwhile, of some 16 KiB each.
const REFLECTIONS_MAX: usize = 256;

/// How many of those may have given way and not have ended yet: one ends when it reads on, or when
/// its stream has stalled.
const REFLECTIONS_ENDING_MAX: usize = 256;

/// An address of a stranger may have one part of so many of each: four are needed to fill it.
const SHARES: usize = 4;

/// What the requests of one front hold that are not all there. It is shared by their bodies.
#[derive(Debug)]
pub(super) struct Unfinished {
    waiting: Budget,
    open: Budget,
    reflections: Budget,
    trust: Trust,
    metrics: GrpcMetrics,
    began: Instant,
    refused_log: Throttle,
}

impl Unfinished {
    /// Nobody holds anything, and nobody is trusted.
    pub(super) fn new(metrics: GrpcMetrics) -> Self {
        let trust = Trust::default();
        let budget = |purpose, all_max| {
            let peer_max = all_max / SHARES;
            let limits = Limits { all_max, peer_max };
            let displaced = metrics.requests_displaced.clone();
            Budget::new(purpose, limits, trust.clone(), displaced)
        };
        Self {
            waiting: budget(
                "gRPC requests whose messages are on their way",
                WAITING_BYTES_MAX,
            ),
            open: budget("gRPC requests that go on", OPEN_MAX),
            reflections: budget("requests to reflection that go on", REFLECTIONS_MAX),
            trust,
            metrics,
            began: Instant::now(),
            refused_log: Throttle::default(),
        }
    }

    /// From now on a peer is no stranger.
    pub(super) fn trust(&self, peer: Peer) {
        self.trust.add(peer);
    }

    /// Whether a peer is no stranger.
    #[cfg(test)]
    pub(super) fn is_trusted(&self, peer: Peer) -> bool {
        self.trust.has(peer)
    }

    /// Room for a request of so many bytes that waits for its message.
    fn wait(&self, peer: Peer, bytes: usize) -> Result<Holding, Status> {
        let holding = self.waiting.take(peer, bytes);
        holding.ok_or_else(|| self.refuse())
    }

    /// A place for a request whose body goes on.
    fn open(&self, peer: Peer, is_reflection: bool) -> Result<Holding, Status> {
        let holding = match is_reflection {
            false => self.open.take(peer, 1),
            true if self.reflections.ending() < REFLECTIONS_ENDING_MAX => {
                self.reflections.take(peer, 1)
            }
            true => None,
        };
        holding.ok_or_else(|| self.refuse())
    }

    /// How a request ends that has no room.
    fn refuse(&self) -> Status {
        self.metrics.requests_refused.inc();
        if let Some(held_back) = self.refused_log.pass_after(self.began.elapsed()) {
            warn!(
                waiting_bytes = self.waiting.held(),
                open = self.open.held(),
                reflections = self.reflections.held(),
                held_back,
                "refused a request: too many wait for their messages or go on"
            );
        }
        no_room()
    }

    /// How a request ends whose message does not come.
    fn late(&self) -> Status {
        self.metrics.requests_late.inc();
        Status::deadline_exceeded(format!(
            "the message of this request did not come within {MESSAGE_WITHIN:?}"
        ))
    }
}

/// How a request ends that has no room, or gives way to others.
fn no_room() -> Status {
    Status::resource_exhausted("too many requests are not all there: try again later")
}
