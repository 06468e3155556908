//! The one thread that writes the journal: it makes what has come in meanwhile
//! durable with one sync, hands it to the follower, and only then answers.

use std::{
    sync::{Arc, mpsc::SyncSender},
    time::{Duration, Instant},
};

use tokio::sync::{
    mpsc::{Receiver, error::TryRecvError},
    oneshot,
};

use super::{log::Log, status::Status};
use crate::{
    domain::Time,
    journal::{AppendError, Cause, Entry, FollowError, Follower, Payload, Revision, StoreError},
};

/// Entries made durable together. The more, the fewer syncs, and the longer the
/// first of them waits for the last; what is written meanwhile waits for neither.
pub(super) const BATCH_MAX: usize = 1024;
/// Bytes of bodies made durable together, for the same reason; one entry may be
/// longer.
pub(super) const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// After a failure, how long entries are refused before the disk is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// How often a long replay says how far it is.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

/// What the thread is asked for.
pub(super) enum Request {
    /// To make an entry durable.
    Append(Append),
    /// To hand all entries after a revision to a follower from now on.
    Follow {
        after: Revision,
        follower: Box<dyn Follower>,
        done: SyncSender<Result<(), FollowError>>,
    },
    /// To let the next entry begin a new segment.
    Seal,
    /// To drop entries from before a revision that were received before a time.
    DropBefore { first: Revision, until: Time },
    /// To try the disk, if it failed.
    Probe { now: Time },
}

/// An entry on its way.
pub(super) struct Append {
    pub(super) entry: Entry,
    pub(super) done: oneshot::Sender<Result<Revision, AppendError>>,
}

/// The state of the thread.
pub(super) struct Writer {
    pub(super) log: Log,
    pub(super) status: Arc<Status>,
    pub(super) follower: Option<Box<dyn Follower>>,
    /// When the disk failed last, if it has not worked since.
    pub(super) failed_at: Option<Instant>,
}

impl Writer {
    /// Does what is asked for, until nobody can ask any more.
    pub(super) fn run(mut self, mut requests: Receiver<Request>) {
        let mut next = requests.blocking_recv();
        while let Some(request) = next {
            next = match request {
                Request::Append(first) => {
                    let (batch, after) = gather(first, &mut requests);
                    self.append(batch);
                    after
                }
                other => {
                    self.serve(other);
                    None
                }
            }
            .or_else(|| requests.blocking_recv());
        }
    }

    fn serve(&mut self, request: Request) {
        match request {
            Request::Append(append) => self.append(vec![append]),
            Request::Follow {
                after,
                follower,
                done,
            } => {
                // Who asked may have gone; then the follower stays all the same.
                let _ = done.send(self.follow(after, follower));
            }
            Request::Seal => self.log.seal(),
            Request::DropBefore { first, until } => {
                match self.log.drop_before(first, until) {
                    Ok(segments) => tracing::debug!(from = first, segments, "dropped old entries"),
                    Err(error) => tracing::warn!(%error, "cannot drop old entries"),
                }
                self.status.first(self.log.first());
            }
            Request::Probe { now } => {
                if self.failed_at.is_some() {
                    let tried = self.log.try_to_write(now);
                    self.note(&tried.map_err(Cause::new));
                }
            }
        }
    }

    fn append(&mut self, batch: Vec<Append>) {
        let appended = self.commit(&batch);
        if !matches!(appended, Err(AppendError::NotFollowed)) {
            let noted = appended.as_ref().map(|_| ());
            self.note(&noted.map_err(cause));
        }
        match (appended, &mut self.follower) {
            (Ok(first), Some(follower)) => {
                self.status.appended(first, batch.len());
                for (Append { entry, done }, revision) in batch.into_iter().zip(first..) {
                    follower.apply(revision, &entry);
                    // Who asked may have gone.
                    let _ = done.send(Ok(revision));
                }
            }
            (appended, _) => {
                let error = appended.err().unwrap_or(AppendError::NotFollowed);
                self.status.refused(batch.len());
                for Append { done, .. } in batch {
                    let _ = done.send(Err(error.clone()));
                }
            }
        }
    }

    fn commit(&mut self, batch: &[Append]) -> Result<Revision, AppendError> {
        if self.follower.is_none() {
            return Err(AppendError::NotFollowed);
        }
        let is_too_soon = |failed_at: Instant| failed_at.elapsed() < RETRY_INTERVAL;
        if self.failed_at.is_some_and(is_too_soon) {
            return Err(self
                .status
                .failure()
                .map_or(AppendError::Closed, AppendError::Store));
        }
        let entries = batch.iter().map(|append| &append.entry);
        let now = entries.clone().map(|entry| entry.received_at).max();
        let appended = self.log.append(entries, now.unwrap_or(Time::MIN));
        appended.map_err(|error| AppendError::Store(Cause::new(error)))
    }

    /// Notes whether the disk works.
    fn note(&mut self, result: &Result<(), Cause>) {
        match result {
            Ok(()) if self.failed_at.take().is_some() => {
                tracing::info!("the journal can be written to again");
                self.status.recovered();
            }
            Ok(()) => {}
            Err(reason) => {
                let is_news = self.failed_at.is_none();
                let is_old = |failed_at: Instant| failed_at.elapsed() >= RETRY_INTERVAL;
                if self.failed_at.is_none_or(is_old) {
                    self.failed_at = Some(Instant::now());
                }
                if is_news {
                    tracing::error!("the journal cannot be written to: {reason}");
                }
                self.status.failed(reason);
            }
        }
    }

    fn follow(
        &mut self,
        after: Revision,
        mut follower: Box<dyn Follower>,
    ) -> Result<(), FollowError> {
        let began = Instant::now();
        let mut progress = (began, after);
        let replayed = self.log.replay(after, &mut |revision, entry| {
            follower.apply(revision, &entry);
            if progress.0.elapsed() >= PROGRESS_INTERVAL {
                let rate = (revision - progress.1) as f64 / progress.0.elapsed().as_secs_f64();
                tracing::info!(revision, per_second = rate as u64, "replaying the journal");
                progress = (Instant::now(), revision);
            }
        });
        replayed.map_err(|error: StoreError| FollowError::Store(Cause::new(error)))?;
        follower.caught_up();
        let (first, last) = (self.log.first(), self.log.last());
        tracing::info!(after, last, took = ?began.elapsed(), "replayed the journal");
        self.status.first(first);
        self.status.last(last);
        self.follower = Some(follower);
        Ok(())
    }
}

/// The entries that can be made durable together with `first`, and what was asked
/// for after them.
fn gather(first: Append, requests: &mut Receiver<Request>) -> (Vec<Append>, Option<Request>) {
    let mut bytes = weight(&first.entry);
    let mut batch = Vec::with_capacity(BATCH_MAX.min(1 + requests.len()));
    batch.push(first);
    while batch.len() < BATCH_MAX && bytes < BATCH_BYTES_MAX {
        match requests.try_recv() {
            Ok(Request::Append(append)) => {
                bytes += weight(&append.entry);
                batch.push(append);
            }
            Ok(other) => return (batch, Some(other)),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
        }
    }
    (batch, None)
}

fn cause(error: &AppendError) -> Cause {
    match error {
        AppendError::Store(cause) => cause.clone(),
        error => Cause::new(error.clone()),
    }
}

/// Bytes that an entry counts for.
pub(super) fn weight(entry: &Entry) -> usize {
    match &entry.payload {
        Payload::Callback(callback) => callback.body.len() + callback.query.len(),
        Payload::Tick => 0,
    }
}
