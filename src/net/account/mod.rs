//! What one connection has in use, so that one client does no harm to others.
//!
//! HTTP/2 lets a client cancel a request at any time, and then begin another in its place. Its
//! streams bound how many requests it has open, but not how many it has begun: a client that
//! cancels them faster than they are answered gives a server endless work ("rapid reset",
//! CVE-2023-44487). The remedy of h2 is to count cancelled requests that it has read and not yet
//! handed over, and to end the connection at the 20th. But it reads all that has come before it
//! hands anything over, so an honest client that cancels 21 watches at once loses all others.
//!
//! So a connection has an account instead. Every request that is cancelled before it was answered
//! is taken from an allowance that refills. It is far above what an honest client cancels,
//! and a connection that overdraws it is ended, counted and logged:
//!
//! - [`Counted`] is one request. [`Answering`] keeps it until the request is answered.
//! - [`Accounted`] is the transport. Its reads fail when the connection is ended, and it lets h2
//!   read only so much before it hands requests over.
//! - [`PENDING_RESETS_MAX`] is what h2 has to be set to.

mod allowance;
mod answering;
mod transport;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicUsize,
            Ordering::{AcqRel, Acquire, Relaxed, Release},
        },
    },
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{ConnectionMetrics, Throttle};

pub use self::{
    answering::{Answering, CountedBody},
    transport::{Accounted, PENDING_RESETS_MAX},
};

use self::allowance::Allowance;

/// Opens the accounts of one front's connections.
#[derive(Debug)]
pub struct ConnectionAccounts {
    purpose: &'static str,
    streams_max: usize,
    metrics: ConnectionMetrics,
    began: Instant,
    full_log: Throttle,
    ended_log: Throttle,
}

/// The account of one connection. Clones are of the same one.
#[derive(Clone, Debug)]
pub struct ConnectionAccount(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    front: Arc<ConnectionAccounts>,
    peer: Option<SocketAddr>,
    /// Requests that were begun and are not over. A cancelled one is over when its task has
    /// noticed, so there may be more than the connection has streams.
    in_work: AtomicUsize,
    was_full: AtomicBool,
    cancelled: Mutex<Allowance>,
    is_ended: AtomicBool,
    /// The task of the connection, when it waits for something to read.
    reader: AtomicWaker,
}

/// A request that is in work, until it is dropped. If it was not answered by then, its client
/// cancelled it.
#[derive(Debug)]
pub struct Counted {
    account: ConnectionAccount,
    is_answered: bool,
}

// === impl ConnectionAccounts ===

impl ConnectionAccounts {
    /// Of connections for `purpose`, each with at most `streams_max` requests at a time.
    pub fn new(purpose: &'static str, streams_max: usize, metrics: ConnectionMetrics) -> Self {
        Self {
            purpose,
            streams_max,
            metrics,
            began: Instant::now(),
            full_log: Throttle::default(),
            ended_log: Throttle::default(),
        }
    }

    /// Opens the account of a new connection from `peer`, if that is known.
    pub fn open(self: &Arc<Self>, peer: Option<SocketAddr>) -> ConnectionAccount {
        ConnectionAccount(Arc::new(Inner {
            front: Arc::clone(self),
            peer,
            in_work: AtomicUsize::new(0),
            was_full: AtomicBool::new(false),
            cancelled: Mutex::new(Allowance::new(self.streams_max, Instant::now())),
            is_ended: AtomicBool::new(false),
            reader: AtomicWaker::new(),
        }))
    }
}

// === impl ConnectionAccount ===

impl ConnectionAccount {
    /// Counts a request as in work.
    pub fn begin(&self) -> Counted {
        let Inner { front, in_work, .. } = &*self.0;
        let requests = in_work.fetch_add(1, Relaxed) + 1;
        if requests >= front.streams_max {
            self.note_full();
        }
        // More than there are streams: as many were cancelled, and their tasks have not noticed.
        let surplus = requests.saturating_sub(front.streams_max);
        if surplus > 0 && !self.0.cancelled.lock().covers(surplus, Instant::now()) {
            self.end();
        }
        Counted {
            account: self.clone(),
            is_answered: false,
        }
    }

    /// Where the client is, if that is known.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.0.peer
    }

    fn note_full(&self) {
        let Inner { front, peer, .. } = &*self.0;
        if self.0.was_full.load(Relaxed) || self.0.was_full.swap(true, Relaxed) {
            return;
        }
        front.metrics.full.inc();
        if let Some(held_back) = front.full_log.pass_after(front.began.elapsed()) {
            info!(
                purpose = front.purpose,
                peer = peer.map(tracing::field::display),
                streams_max = front.streams_max,
                held_back,
                "a connection has all of its streams in use: further calls wait at the client"
            );
        }
    }

    fn note_cancelled(&self) {
        let front = &self.0.front;
        front.metrics.requests_cancelled.inc();
        let now = Instant::now();
        let is_allowed = {
            let mut cancelled = self.0.cancelled.lock();
            cancelled.spend(now);
            cancelled.covers(0, now)
        };
        if !is_allowed {
            self.end();
        }
    }

    /// Ends the connection: its reads fail from now on.
    fn end(&self) {
        let Inner { front, peer, .. } = &*self.0;
        if self.0.is_ended.swap(true, AcqRel) {
            return;
        }
        self.0.reader.wake();
        front.metrics.ended.inc();
        if let Some(held_back) = front.ended_log.pass_after(front.began.elapsed()) {
            warn!(
                purpose = front.purpose,
                peer = peer.map(tracing::field::display),
                held_back,
                "a client cancels too many requests before they are answered: ended its connection"
            );
        }
    }

    /// Completes when the connection is to end. It wakes one task, that of the connection.
    fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_ended() {
            self.0.reader.register(cx.waker());
        }
        // It may have been ended before the waker was there.
        if self.is_ended() {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    fn is_ended(&self) -> bool {
        self.0.is_ended.load(Acquire)
    }
}

impl AsRef<ConnectionAccount> for ConnectionAccount {
    fn as_ref(&self) -> &Self {
        self
    }
}

// === impl Counted ===

impl Counted {
    /// Notes that the request is answered: its client may now go away at no cost.
    pub fn answered(&mut self) {
        self.is_answered = true;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if !self.is_answered {
            self.account.note_cancelled();
        }
        self.account.0.in_work.fetch_sub(1, Release);
    }
}

#[cfg(test)]
mod tests;
