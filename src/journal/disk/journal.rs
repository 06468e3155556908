//! The journal that callers use. It sends requests to the thread that writes.

use std::{
    fmt,
    sync::{Arc, mpsc::sync_channel},
    thread::{self, JoinHandle},
    time::Instant,
};

use futures_util::future::{BoxFuture, FutureExt as _};
use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, oneshot};

use super::{
    log::{Log, Sealed},
    requests::{Append, Request, WaitingRoom},
    status::Status,
    writer::Writer,
};
use crate::{
    domain::Time,
    journal::{
        AppendError, Cause, DataFolder, Decoder, Dropped, Entry, Epoch, FollowError, Follower,
        Journal, LockError, OpenError, Revision, Room, Unappliable,
    },
};

/// Requests that may wait for the writing thread. When there are so many, a caller waits for
/// a free place. There are far fewer callbacks at the same time.
const WAITING_MAX: usize = 8192;

/// A journal in a data folder.
pub struct DiskJournal {
    folder: DataFolder,
    status: Arc<Status>,
    /// `None` only while the journal is being closed.
    requests: Option<mpsc::Sender<Request>>,
    waiting_room: WaitingRoom,
    writer: Option<JoinHandle<()>>,
}

impl DiskJournal {
    /// Opens the journal of a folder. Blocks.
    ///
    /// # Errors
    /// When the folder cannot be read. [`Journal::follow`] finds damage of what is in it.
    pub fn open(folder: &DataFolder, decoder: Decoder) -> Result<Self, OpenError> {
        let log = Log::open(Arc::clone(folder.files()), folder.identity());
        let log = log.map_err(|source| OpenError::store(folder.path(), source))?;
        let status = Arc::new(Status::default());
        let sync_time = status.metrics().sync_time.clone();
        let log = log.within(Arc::clone(folder.space())).timed(sync_time);
        tracing::info!(folder = %folder.path().display(), "opened the journal");
        let quarantined = &folder.identity().quarantined;
        let decoder = decoder.quarantining(quarantined);
        status.quarantined(quarantined.len());
        status.room(log.room());
        let (requests, waiting) = mpsc::channel(WAITING_MAX);
        let writer = Writer {
            log,
            decoder,
            status: Arc::clone(&status),
            follower: None,
            retry_at: None,
        };
        let writer = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(waiting));
        let writer = writer.map_err(|source| LockError::Io {
            path: folder.path().to_owned(),
            source,
        })?;
        Ok(Self {
            folder: folder.clone(),
            status,
            requests: Some(requests),
            waiting_room: WaitingRoom::default(),
            writer: Some(writer),
        })
    }

    /// The same, with so many bytes of entries that wait to be durable.
    #[must_use]
    pub fn with_waiting_bytes(mut self, bytes_max: usize) -> Self {
        self.waiting_room = WaitingRoom::new(bytes_max);
        self
    }

    /// The folder.
    pub fn folder(&self) -> &DataFolder {
        &self.folder
    }

    /// Begins a new segment with the next entry. Returns the segments that there are until then:
    /// they hold everything that was acknowledged before this was called.
    ///
    /// # Errors
    /// When the journal is closed.
    pub async fn seal(&self) -> Result<Sealed, AppendError> {
        let (done, sealed) = oneshot::channel();
        self.request(Request::Seal { done }).await?;
        sealed.await.map_err(|_| AppendError::Closed)
    }

    async fn request(&self, request: Request) -> Result<(), AppendError> {
        let requests = self.requests.as_ref().ok_or(AppendError::Closed)?;
        let sent = requests.send(request).await;
        sent.map_err(|_| AppendError::Closed)
    }

    /// Sends a request that has no effect if the thread has ended. Blocks.
    fn blocking_request(&self, request: Request) {
        if let Some(requests) = &self.requests {
            let _ = requests.blocking_send(request);
        }
    }
}

impl Journal for DiskJournal {
    fn epoch(&self) -> Epoch {
        self.folder.epoch()
    }

    fn has_had(&self, epoch: Epoch) -> bool {
        self.folder.has_had(epoch)
    }

    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Revision, AppendError>> {
        Box::pin(async move {
            let began = Instant::now();
            let place = self.waiting_room.take(&entry).await?;
            let (done, answer) = oneshot::channel();
            self.request(Request::Append(Append {
                entry,
                done,
                _place: place,
            }))
            .await?;
            let revision = answer.await.map_err(|_| AppendError::Closed)??;
            self.status.metrics().append_time.observe(began.elapsed());
            Ok(revision)
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

    fn last(&self) -> Revision {
        self.status.last_revision()
    }

    fn failure(&self) -> Option<String> {
        if let Some(stopped) = self.status.stopped.get() {
            return Some(stopped.to_string());
        }
        let closed = || AppendError::Closed.to_string();
        self.is_over()
            .then(closed)
            .or_else(|| self.status.failure().map(|cause| cause.to_string()))
    }

    fn is_over(&self) -> bool {
        self.writer.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn stopped(&self) -> BoxFuture<'_, Unappliable> {
        self.status.stopped.wait().map(Clone::clone).boxed()
    }

    fn probe(&self, now: Time) {
        if let Some(requests) = &self.requests {
            // If the queue is full, the requests in it try the disk as well.
            let _ = requests.try_send(Request::Probe { now });
        }
    }

    fn note_checkpoint(&self) {
        let (done, _) = oneshot::channel();
        self.blocking_request(Request::Seal { done });
    }

    fn drop_before(&self, first: Revision, until: Time) -> Dropped {
        let (done, dropped) = sync_channel(1);
        self.blocking_request(Request::DropBefore { first, until, done });
        dropped.recv().unwrap_or_default()
    }

    fn room(&self) -> Room {
        self.status.left()
    }

    fn short_of_room(&self) -> BoxFuture<'_, ()> {
        self.status.short_of_room.notified().boxed()
    }

    fn register(&self, registry: &mut Registry) {
        self.status.metrics().register(registry);
    }
}

impl fmt::Debug for DiskJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskJournal")
            .field("folder", &self.folder)
            .field("epoch", &self.epoch())
            .finish_non_exhaustive()
    }
}

impl Drop for DiskJournal {
    fn drop(&mut self) {
        // The thread ends when its channel closes. The folder is unlocked after that, because
        // the thread uses its files until then.
        drop(self.requests.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}
