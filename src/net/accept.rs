//! Accepts connections, up to a limit.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Instant, sleep_until},
};
use tracing::warn;

use super::{ConnectionMetrics, Throttle, connection::Slot};

/// The shortest and the longest wait after a failed accept. A process without file
/// descriptors would fail again at once.
const BACKOFF_MIN: Duration = Duration::from_millis(10);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// How many connections a front takes, and what happens to one more.
#[derive(Clone, Debug)]
pub struct Admission {
    /// What the connections are for, in log lines.
    pub purpose: &'static str,
    /// How many may be open at once. One more is closed.
    pub connections_max: usize,
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
    slots: Arc<Semaphore>,
    backoff: Duration,
    /// When accepting may be tried again after it failed.
    retry_at: Option<Instant>,
    began: Instant,
    failed_log: Throttle,
    refused_log: Throttle,
}

impl Acceptor {
    pub(super) fn new(socket: TcpListener, admission: Admission) -> Self {
        let connections_max = admission.connections_max.min(Semaphore::MAX_PERMITS);
        Self {
            socket,
            admission,
            slots: Arc::new(Semaphore::new(connections_max)),
            backoff: BACKOFF_MIN,
            retry_at: None,
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
    pub(super) async fn accept(&mut self) -> (TcpStream, Slot) {
        loop {
            if let Some(retry_at) = self.retry_at {
                sleep_until(retry_at).await;
                self.retry_at = None;
            }
            match self.socket.accept().await {
                Ok((io, peer)) => {
                    self.backoff = BACKOFF_MIN;
                    if let Some(admitted) = self.admit(io, peer) {
                        return admitted;
                    }
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => self.back_off(&error),
            }
        }
    }

    fn admit(&self, io: TcpStream, peer: SocketAddr) -> Option<(TcpStream, Slot)> {
        let Admission {
            purpose,
            connections_max,
            refusal,
            ref metrics,
        } = self.admission;
        let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned() else {
            metrics.refused.inc();
            if let Some(held_back) = self.refused_log.pass_after(self.began.elapsed()) {
                warn!(
                    purpose,
                    %peer, connections_max, held_back, "too many connections are open: closed one more"
                );
            }
            turn_away(io, refusal);
            return None;
        };
        // What the fronts send is small and wanted now; waiting to fill a packet delays it. It
        // is an optimisation: without it the connection works all the same.
        let _ = io.set_nodelay(true);
        Some((io, Slot::new(permit, peer, &metrics.open)))
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
mod tests {
    use super::*;

    #[test]
    fn running_out_of_files_is_not_the_fault_of_one_connection() {
        const EMFILE: i32 = 24;
        assert!(!is_of_one_connection(&io::Error::from_raw_os_error(EMFILE)));
        assert!(is_of_one_connection(
            &io::ErrorKind::ConnectionAborted.into()
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_waited_out_longer_and_longer_also_if_accepting_is_interrupted() {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let admission = Admission {
            purpose: "tests",
            connections_max: 1,
            refusal: b"",
            metrics: ConnectionMetrics::default(),
        };
        let mut acceptor = Acceptor::new(socket, admission);
        let failure = io::Error::from_raw_os_error(24);
        let mut waits = Vec::new();
        for _ in 0..9 {
            acceptor.back_off(&failure);
            let (start, wait) = (Instant::now(), acceptor.retry_at.unwrap());
            let a_little = Duration::from_millis(1);
            let interrupted = tokio::time::timeout(a_little, acceptor.accept()).await;
            assert!(interrupted.is_err());
            assert_eq!(
                acceptor.retry_at,
                Some(wait),
                "an interruption ends no wait"
            );
            waits.push((wait - start).as_millis());
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    }
}
