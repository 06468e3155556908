//! The side of the server.

use std::{fmt, io, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use prometheus_client::{metrics::counter::Counter, registry::Registry};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    protocol::{Answer, BackupFiles, Request},
    socket::ControlSocket,
    talk::Talk,
};
use crate::{domain::Clock, net::Throttle};

/// Commands that are connected at once. They are few: an operator, and a timer. One more is
/// refused.
const CONNECTIONS_MAX: usize = 16;

/// How long a command may take to say what it wants, or to take in an answer. It does both at
/// once.
const TALK_TIME_MAX: Duration = Duration::from_secs(10);

/// How long files are kept for a backup. Meanwhile nothing is dropped, and the disk fills. So
/// much is enough to copy some hundred GiB.
const LEASE_TIME_MAX: Duration = Duration::from_secs(60 * 60);

/// How long to wait after a failed accept. A process without file descriptors would fail again
/// at once.
const ACCEPT_RETRY: Duration = Duration::from_secs(1);

/// Begins backups.
pub trait Backups: Send + Sync + fmt::Debug {
    /// Prepares a backup; says why, if it cannot.
    fn begin(&self) -> BoxFuture<'_, Result<Backup, String>>;
}

/// A backup that can be copied.
#[expect(missing_debug_implementations, reason = "a lease has nothing to show")]
pub struct Backup {
    /// What to copy.
    pub files: BackupFiles,
    /// Keeps the files until it is dropped.
    pub lease: Lease,
}

/// Keeps files until it is dropped.
pub type Lease = Box<dyn Send>;

/// Counts what commands did.
#[derive(Clone, Debug, Default)]
pub struct ControlMetrics {
    backups: Counter,
    broken_off: Counter,
    refused: Counter,
}

/// Answers commands until `drain` is cancelled. Then all connections are closed.
pub async fn serve(
    socket: ControlSocket,
    backups: Arc<dyn Backups>,
    metrics: ControlMetrics,
    drain: CancellationToken,
) {
    let clock = Clock::system();
    let (failed_log, refused_log) = (Throttle::default(), Throttle::default());
    let mut talks = JoinSet::new();
    let accept_all = async {
        loop {
            tokio::select! {
                accepted = socket.accept() => match accepted {
                    Ok(io) if talks.len() < CONNECTIONS_MAX => {
                        let (backups, metrics) = (Arc::clone(&backups), metrics.clone());
                        talks.spawn(async move { answer(io, &*backups, &metrics).await });
                    }
                    Ok(_) => {
                        metrics.refused.inc();
                        if let Some(held_back) = refused_log.pass(clock.now()) {
                            warn!(held_back, "too many commands are connected: closed one more");
                        }
                    }
                    Err(error) => {
                        if let Some(held_back) = failed_log.pass(clock.now()) {
                            warn!(%error, held_back, "cannot accept a command");
                        }
                        sleep(ACCEPT_RETRY).await;
                    }
                },
                Some(ended) = talks.join_next() => {
                    if let Err(error) = ended {
                        error!(%error, "the connection of a command panicked");
                    }
                }
            }
        }
    };
    drain.run_until_cancelled(accept_all).await;
}

/// Does what one command asks for.
async fn answer<IO>(io: IO, backups: &dyn Backups, metrics: &ControlMetrics)
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut talk = Talk::new(io);
    let answered = match timeout(TALK_TIME_MAX, talk.hear()).await {
        Ok(Ok(Some(Request::Backup))) => back_up(&mut talk, backups, metrics).await,
        Ok(Ok(None)) | Err(_) => return,
        Ok(Ok(Some(Request::Done))) => refuse(&mut talk, "nothing was begun".to_owned()).await,
        Ok(Err(error)) => refuse(&mut talk, format!("this is no request: {error}")).await,
    };
    if let Err(error) = answered {
        info!(%error, "a command went away");
    }
}

async fn back_up<IO>(
    talk: &mut Talk<IO>,
    backups: &dyn Backups,
    metrics: &ControlMetrics,
) -> io::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let Backup { files, lease } = match backups.begin().await {
        Ok(backup) => backup,
        Err(message) => return refuse(talk, message).await,
    };
    let revision = files.last_revision;
    info!(revision, files = files.names.len(), "a backup begins");
    let copied = async {
        talk.say(&Answer::Files(files)).await?;
        talk.hear().await
    };
    match timeout(LEASE_TIME_MAX, copied).await {
        Ok(Ok(Some(Request::Done))) => {
            metrics.backups.inc();
            info!(revision, "a backup is copied");
            // The lease is dropped after this.
            let told = timeout(TALK_TIME_MAX, talk.say(&Answer::Kept)).await;
            drop(lease);
            told?
        }
        Ok(said) => {
            metrics.broken_off.inc();
            let reason = said.err().map(|error| error.to_string());
            warn!(revision, reason, "a backup was broken off");
            Ok(())
        }
        Err(_) => {
            metrics.broken_off.inc();
            let most = LEASE_TIME_MAX;
            warn!(
                revision,
                ?most,
                "a backup takes too long: its files are no longer kept"
            );
            Ok(())
        }
    }
}

async fn refuse<IO>(talk: &mut Talk<IO>, message: String) -> io::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    timeout(TALK_TIME_MAX, talk.say(&Answer::Refused { message })).await?
}

impl ControlMetrics {
    /// Adds them to a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "journal_backups",
            "Backups whose files were kept until they were copied",
            self.backups.clone(),
        );
        registry.register(
            "journal_backups_broken_off",
            "Backups whose command went away or took too long",
            self.broken_off.clone(),
        );
        registry.register(
            "commands_refused",
            "Commands that were turned away because too many were connected to the data folder's socket",
            self.refused.clone(),
        );
    }
}

#[cfg(test)]
mod tests;
