//! Backups of the running service, for the command that copies the data folder.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::{task, time};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    checkpointing::{self, CheckpointPolicy},
    parts::Parts,
};
use crate::{
    checkpoint::{Checkpoints, DiskCheckpoints},
    control::{self, Backup, BackupFiles, Backups, ControlMetrics, ControlSocket},
    journal::{DiskJournal, Journal as _, Sealed},
    net::Readiness,
    roster::Roster,
};

/// How long a backup waits for a checkpoint. Without one it is as whole; only a start from it
/// takes longer. Shorter than the command waits for an answer.
const CHECKPOINT_TIME_MAX: Duration = Duration::from_secs(60);

/// Listens in the journal's folder. The service starts without that, too.
pub(super) fn listen(disk: &DiskJournal) -> Option<ControlSocket> {
    match ControlSocket::bind(disk.folder()) {
        Ok(socket) => Some(socket),
        Err(error) => {
            let folder = disk.folder().path().display();
            warn!(%folder, %error, "cannot listen in the data folder: it cannot be backed up while the service runs");
            None
        }
    }
}

/// Answers commands until `drain` is cancelled.
pub(super) fn spawn(
    parts: &mut Parts,
    drain: &CancellationToken,
    socket: ControlSocket,
    backups: RunningBackups,
    metrics: ControlMetrics,
) {
    let served = control::serve(socket, Arc::new(backups), metrics, drain.clone());
    parts.spawn(async move {
        served.await;
        ("commands", Ok(()))
    });
}

/// The parts of the service that have to work together.
pub(super) struct RunningBackups {
    pub(super) journal: Arc<DiskJournal>,
    pub(super) checkpoints: Checkpoints,
    pub(super) roster: Arc<Roster>,
    pub(super) policy: CheckpointPolicy,
    pub(super) ready: Readiness,
}

impl Backups for RunningBackups {
    fn begin(&self) -> BoxFuture<'_, Result<Backup, String>> {
        self.prepare().boxed()
    }
}

impl RunningBackups {
    async fn prepare(&self) -> Result<Backup, String> {
        if !self.ready.is_ready() {
            return Err("the service is starting: try again when it is ready".to_owned());
        }
        // First, so that nothing that is named below was dropped.
        let lease = self.checkpoints.lease().await;
        let (journal, policy) = (&self.journal, &self.policy);
        let written =
            checkpointing::write_news(&self.checkpoints, journal.last(), &self.roster, policy);
        if time::timeout(CHECKPOINT_TIME_MAX, written).await.is_err() {
            warn!("a backup is made without a checkpoint of its own: a start from it takes longer");
        }
        // Then, so that the segments have all entries of the checkpoint.
        let Sealed { segments, last } = journal.seal().await.map_err(|error| error.to_string())?;
        let folder = journal.folder().clone();
        let checkpoints = task::spawn_blocking(move || DiskCheckpoints::files(&folder)).await;
        let checkpoints = checkpoints
            .map_err(|panic| panic.to_string())?
            .map_err(|error| error.to_string())?;
        // One that was written since may be of entries that the segments do not have.
        let checkpoints = checkpoints.into_iter().filter(|it| it.revision <= last);
        let mut names = segments;
        names.extend(checkpoints.map(|it| it.name));
        let files = BackupFiles {
            names,
            last_revision: last,
        };
        let lease = Box::new(lease);
        Ok(Backup { files, lease })
    }
}

impl fmt::Debug for RunningBackups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningBackups")
            .field("journal", &self.journal)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
