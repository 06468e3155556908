//! What the process is told by signals: to end, and to read its configuration again.

use std::{future, io};

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Both. There is one value of this, because a signal that comes between two of them would be
/// lost.
pub(super) struct Signals {
    pub(super) interrupts: Interrupts,
    pub(super) reloads: Reloads,
}

/// What tells the process to end: Ctrl-C, and SIGTERM from process managers.
pub(super) struct Interrupts {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
    /// SIGHUP, where it says that the terminal was closed.
    #[cfg(unix)]
    hangup: Option<Signal>,
}

/// SIGHUP, where it tells the process to read its configuration again.
pub(super) struct Reloads {
    #[cfg(unix)]
    hangup: Option<Signal>,
}

impl Signals {
    /// Of a process that reads a configuration file, or of one that tries the service in a
    /// terminal: then there is nothing to read again, and nobody is left when it is closed.
    #[cfg(unix)]
    pub(super) fn new(is_trial: bool) -> io::Result<Self> {
        let hangup = Some(signal(SignalKind::hangup())?);
        let (ends, reloads) = match is_trial {
            true => (hangup, None),
            false => (None, hangup),
        };
        let interrupts = Interrupts {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: ends,
        };
        let reloads = Reloads { hangup: reloads };
        Ok(Self {
            interrupts,
            reloads,
        })
    }

    #[cfg(not(unix))]
    pub(super) fn new(_is_trial: bool) -> io::Result<Self> {
        Ok(Self {
            interrupts: Interrupts {},
            reloads: Reloads {},
        })
    }
}

impl Interrupts {
    /// Completes at the next signal.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = next(&mut self.hangup) => {}
        }
    }

    /// Completes at the next Ctrl-C.
    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) {
        // Without a handler for it, Ctrl-C ends the process as it always does.
        if tokio::signal::ctrl_c().await.is_err() {
            future::pending::<()>().await;
        }
    }
}

impl Reloads {
    /// Completes at the next signal.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        next(&mut self.hangup).await;
    }

    /// Never completes.
    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) {
        future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => future::pending().await,
    }
}
