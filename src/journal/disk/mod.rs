//! The journal on disk: an entry is safe when it is synced.
//!
//! One thread writes. What came in while it was syncing is made durable by the
//! next sync together, so the disk sets the pace of a burst's batches and not of
//! its callbacks. Entries are kept in segments; what they add up to is kept in
//! checkpoints, so that a start need not read all of them. `docs/journal.md`
//! describes the folder and why it is made so.

mod archive;
mod checkpoints;
mod draft;
mod error;
mod files;
mod format;
mod lock;
mod log;
mod preallocate;
mod segment;
mod status;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, mpsc::sync_channel},
    thread::{self, JoinHandle},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, oneshot};

use super::{AppendError, Cause, Entry, Epoch, FollowError, Follower, Journal, Revision};
use crate::domain::Time;

use self::{
    checkpoints::Checkpoints,
    files::{Files, Folder, remove_unfinished},
    lock::Lock,
    log::Log,
    status::Status,
    writer::{Append, Request, Writer},
};

pub use self::{
    archive::{Archive, ArchiveFile},
    checkpoints::Records,
    draft::Draft,
    error::{OpenError, StoreError},
    lock::LockError,
};

/// Requests that may wait for the writing thread; who comes after them waits for
/// a place. Far more than callbacks are in work at once.
const WAITING_MAX: usize = 8192;

/// Checkpoints kept. Should the latest not load, there is the one before, and
/// every entry since.
const CHECKPOINTS_KEPT: usize = 2;

/// A journal in a folder of its own, which no other process uses meanwhile.
pub struct DiskJournal {
    path: PathBuf,
    epoch: Epoch,
    checkpoints: Checkpoints,
    status: Arc<Status>,
    /// Always there, except while the journal is being closed.
    requests: Option<mpsc::Sender<Request>>,
    writer: Option<JoinHandle<()>>,
    // Last, as the thread uses the folder until it has ended.
    _lock: Lock,
}

impl DiskJournal {
    /// Opens the journal in a folder, or begins one in an empty folder, which is
    /// created if it is not there. Blocks.
    ///
    /// # Errors
    /// When another process uses the folder, or its format is unknown. Damage of
    /// what is in it is found by [`Journal::follow`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = Lock::take(path)?;
        let files: Arc<dyn Files> = Arc::new(Folder::new(path));
        let opened = format::open(&*files, Epoch(rand::random())).and_then(|epoch| {
            // Not before the folder is known to be one of ours.
            remove_unfinished(&*files).map_err(StoreError::folder)?;
            Ok((epoch, Log::open(Arc::clone(&files), epoch)?))
        });
        let (epoch, log) = opened.map_err(|source| OpenError::Store {
            path: path.to_owned(),
            source,
        })?;
        tracing::info!(folder = %path.display(), "opened the journal");
        let status = Arc::new(Status::default());
        let (requests, waiting) = mpsc::channel(WAITING_MAX);
        let writer = Writer {
            log,
            status: Arc::clone(&status),
            follower: None,
            failed_at: None,
        };
        let writer = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(waiting));
        let writer = writer.map_err(|source| LockError::Io {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            epoch,
            checkpoints: Checkpoints::new(files),
            status,
            requests: Some(requests),
            writer: Some(writer),
            _lock: lock,
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last entry that is durable; 0 before the journal is followed.
    pub fn last(&self) -> Revision {
        self.status.last_revision()
    }

    /// The revisions that there are checkpoints at, the latest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn checkpoints(&self) -> Result<Vec<Revision>, StoreError> {
        self.checkpoints.revisions()
    }

    /// The records of a checkpoint.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn read_checkpoint(&self, revision: Revision) -> Result<Records, StoreError> {
        self.checkpoints.read(revision)
    }

    /// Takes a checkpoint that does not load out of the row, so that it is not kept
    /// in place of one that does.
    ///
    /// # Errors
    /// When its file cannot be renamed.
    pub fn set_checkpoint_aside(&self, revision: Revision) -> Result<(), StoreError> {
        self.checkpoints.set_aside(revision)
    }

    /// Keeps the records that `produce` hands out as the checkpoint at a revision,
    /// all of them or none. Then drops what it makes superfluous: all checkpoints
    /// but the latest two, and entries that the older of those covers and that
    /// were received before `until`. Blocks.
    ///
    /// # Errors
    /// When it cannot be written. Nothing is dropped then.
    pub fn save_checkpoint(
        &self,
        revision: Revision,
        until: Time,
        produce: impl FnOnce(&mut dyn FnMut(Bytes) -> io::Result<()>) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let metrics = self.status.metrics();
        if let Err(error) = self.checkpoints.save(revision, produce) {
            metrics.checkpoint_failures.inc();
            return Err(error);
        }
        metrics.checkpoints.inc();
        metrics.checkpoint_revision.set(revision as i64);
        if let Some(requests) = &self.requests {
            // If the thread has ended, nothing is written any more.
            let _ = requests.blocking_send(Request::Seal);
        }
        self.drop_old(until)
    }

    /// Drops all checkpoints but the latest two, and entries that the older of those
    /// covers and that were received before `until`. Blocks.
    ///
    /// # Errors
    /// When a checkpoint cannot be removed.
    pub fn drop_old(&self, until: Time) -> Result<(), StoreError> {
        let oldest = self.checkpoints.prune(CHECKPOINTS_KEPT)?;
        if let (Some(oldest), Some(requests)) = (oldest, &self.requests) {
            let from = oldest + 1;
            // If the thread has ended, there is nothing to drop for.
            let _ = requests.blocking_send(Request::DropBefore { from, until });
        }
        Ok(())
    }

    /// Makes what happens to it visible.
    pub fn register(&self, registry: &mut Registry) {
        self.status.metrics().register(registry);
    }

    async fn request(&self, request: Request) -> Result<(), AppendError> {
        let requests = self.requests.as_ref().ok_or(AppendError::Closed)?;
        let sent = requests.send(request).await;
        sent.map_err(|_| AppendError::Closed)
    }
}

impl Journal for DiskJournal {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Revision, AppendError>> {
        Box::pin(async move {
            let (done, answer) = oneshot::channel();
            self.request(Request::Append(Append { entry, done }))
                .await?;
            answer.await.map_err(|_| AppendError::Closed)?
        })
    }

    fn follow(&self, after: Revision, follower: Box<dyn Follower>) -> Result<(), FollowError> {
        let closed = || FollowError::Store(Cause::new(AppendError::Closed));
        let requests = self.requests.as_ref().ok_or_else(closed)?;
        let (done, answer) = sync_channel(1);
        let request = Request::Follow {
            after,
            follower,
            done,
        };
        requests.blocking_send(request).map_err(|_| closed())?;
        answer.recv().map_err(|_| closed())?
    }

    fn failure(&self) -> Option<String> {
        let closed = || AppendError::Closed.to_string();
        self.is_over()
            .then(closed)
            .or_else(|| self.status.failure().map(|cause| cause.to_string()))
    }

    fn is_over(&self) -> bool {
        self.writer.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn probe(&self, now: Time) {
        if let Some(requests) = self.requests.as_ref().filter(|_| self.failure().is_some()) {
            // If so many wait, one of them will do.
            let _ = requests.try_send(Request::Probe { now });
        }
    }
}

impl fmt::Debug for DiskJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskJournal")
            .field("path", &self.path)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

impl Drop for DiskJournal {
    fn drop(&mut self) {
        // Without anybody to ask it, the thread ends; the folder is free after that.
        drop(self.requests.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}
