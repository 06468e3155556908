//! Accepts connections, up to a limit.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, sleep_until, timeout_at},
};
use tracing::warn;

use super::{
    Caller, ConnectionMetrics, Throttle,
    budget::{Budget, Limits, Trust},
    caller::Place,
};

/// The shortest and the longest wait after a failed accept. A process without file
/// descriptors would fail again at once.
const BACKOFF_MIN: Duration = Duration::from_millis(10);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// How many connections may be on their way out to make room for others. Each has its file still.
const CLOSING_MAX: usize = 8;

/// How long to wait for them before one more is accepted. Nothing that happens to a few
/// connections keeps others out for long.
const CLOSING_WAIT_MAX: Duration = Duration::from_millis(50);

/// How many connections a front takes, and what happens to one more.
#[derive(Clone, Debug)]
pub struct Admission {
    /// What the connections are for, in log lines.
    pub purpose: &'static str,
    /// How many may be open at once. For one more, the oldest that proved nothing is closed; if
    /// there is none, the new one.
    pub connections_max: usize,
    /// How many a peer may have that is not trusted. For one more, the oldest of theirs that
    /// proved nothing is closed; if there is none, the new one.
    pub per_peer_max: usize,
    /// The peers that are trusted.
    pub trust: Trust,
    /// What is sent on a connection above the limit before it is closed. May be empty.
    pub refusal: &'static [u8],
    /// Where connections are counted.
    pub metrics: ConnectionMetrics,
}

/// Accepts connections that their front has room for.
#[derive(Debug)]
pub(super) struct Acceptor {
    socket: TcpListener,
    admission: Admission,
    places: Budget,
    backoff: Duration,
    /// When accepting may be tried again after it failed.
    retry_at: Option<Instant>,
    /// Until when the next connection waits for those on their way out, if it had to.
    closing_until: Option<Instant>,
    began: Instant,
    failed_log: Throttle,
    refused_log: Throttle,
}

impl Acceptor {
    pub(super) fn new(socket: TcpListener, admission: Admission) -> Self {
        let limits = Limits {
            all_max: admission.connections_max,
            peer_max: admission.per_peer_max,
        };
        let displaced = admission.metrics.displaced.clone();
        Self {
            socket,
            places: Budget::new(
                admission.purpose,
                limits,
                admission.trust.clone(),
                displaced,
            ),
            admission,
            backoff: BACKOFF_MIN,
            retry_at: None,
            closing_until: None,
            began: Instant::now(),
            failed_log: Throttle::default(),
            refused_log: Throttle::default(),
        }
    }

    pub(super) fn purpose(&self) -> &'static str {
        self.admission.purpose
    }

    /// The next connection that there is room for. Nothing is lost if this is dropped before
    /// it completes.
    pub(super) async fn accept(&mut self) -> (TcpStream, Caller) {
        loop {
            if let Some(retry_at) = self.retry_at {
                sleep_until(retry_at).await;
                self.retry_at = None;
            }
            self.let_others_out().await;
            match self.socket.accept().await {
                Ok((io, address)) => {
                    self.backoff = BACKOFF_MIN;
                    self.closing_until = None;
                    if let Some(admitted) = self.admit(io, address) {
                        return admitted;
                    }
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => self.back_off(&error),
            }
        }
    }

    /// Waits until few connections are on their way out, or for as long as one more may wait for
    /// that, also if this is dropped and called again meanwhile.
    async fn let_others_out(&mut self) {
        if self.places.ending() < CLOSING_MAX {
            return;
        }
        let most = Instant::now() + CLOSING_WAIT_MAX;
        let until = *self.closing_until.get_or_insert(most);
        // Those who are not out by then are waited for no longer.
        let _ = timeout_at(until, self.places.until_ending_below(CLOSING_MAX)).await;
    }

    fn admit(&self, io: TcpStream, address: SocketAddr) -> Option<(TcpStream, Caller)> {
        let peer = self.admission.trust.peer(address.ip());
        let Some(holding) = self.places.take(peer, 1) else {
            self.refuse(io, address);
            return None;
        };
        // What the fronts send is small and wanted now; waiting to fill a packet delays it. It
        // is an optimisation: without it the connection works all the same.
        let _ = io.set_nodelay(true);
        let Admission { trust, metrics, .. } = &self.admission;
        let place = Place::new(holding, trust.clone(), &metrics.open);
        Some((io, Caller::new(address, peer, place)))
    }

    fn refuse(&self, io: TcpStream, address: SocketAddr) {
        let Admission {
            purpose,
            connections_max,
            per_peer_max,
            refusal,
            ..
        } = self.admission;
        self.admission.metrics.refused.inc();
        if let Some(held_back) = self.refused_log.pass_after(self.began.elapsed()) {
            let address = address.ip();
            warn!(
                purpose,
                connections_max,
                per_peer_max,
                %address,
                held_back,
                "too many connections are open: closed one more"
            );
        }
        turn_away(io, refusal);
    }

    fn back_off(&mut self, error: &io::Error) {
        if let Some(held_back) = self.failed_log.pass_after(self.began.elapsed()) {
            let purpose = self.admission.purpose;
            warn!(purpose, %error, held_back, "cannot accept connections");
        }
        self.retry_at = Some(Instant::now() + self.backoff);
        self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
    }
}

/// Whether an error is only of the connection that was about to be accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// Sends the refusal if that can be done without waiting, and closes the connection.
fn turn_away(io: TcpStream, refusal: &[u8]) {
    if refusal.is_empty() {
        return;
    }
    // The runtime has not heard from the socket yet and would not try.
    let Ok(mut io) = io.into_std() else {
        return;
    };
    // Closing with unread bytes resets the connection, and the refusal is lost with it.
    let _ = io.read(&mut [0; 4096]);
    let _ = io.write(refusal);
    let _ = io.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests;
