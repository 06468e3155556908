//! The one thread that writes the journal. It makes all waiting entries durable with one
//! sync, hands them to the follower, and then answers their appenders.

use std::{
    ops::ControlFlow,
    sync::{Arc, mpsc::SyncSender},
    time::{Duration, Instant},
};

use tokio::sync::{
    mpsc::{Receiver, error::TryRecvError},
    oneshot,
};

use super::{
    log::{Log, Sealed},
    status::Status,
};
use crate::{
    domain::Time,
    journal::{
        AppendError, Cause, ChainPoint, Decoder, Entry, FollowError, Follower, Payload, Revision,
        StoreError, Unappliable,
    },
};

/// Entries made durable together. With more there are fewer syncs, but the first entry waits
/// longer, because it waits for the last.
pub(super) const BATCH_MAX: usize = 1024;
/// Bytes of queries and bodies made durable together, for the same reason. A single entry may
/// be longer.
pub(super) const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How long entries are refused after a failure, before the disk is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// How often a long replay logs its progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

/// A request to the thread.
pub(super) enum Request {
    /// Make an entry durable.
    Append(Append),
    /// Hand all entries after a revision to a follower from now on.
    Follow {
        after: Revision,
        follower: Box<dyn Follower>,
        done: SyncSender<Result<(), FollowError>>,
    },
    /// Begin a new segment with the next entry, and tell of those that there are.
    Seal { done: oneshot::Sender<Sealed> },
    /// Drop entries below a revision that were received before a time.
    DropBefore { first: Revision, until: Time },
    /// Try the disk, if it failed.
    Probe { now: Time },
}

/// An entry whose appender waits for the answer.
pub(super) struct Append {
    pub(super) entry: Entry,
    pub(super) done: oneshot::Sender<Result<Revision, AppendError>>,
}

/// The state of the thread.
pub(super) struct Writer {
    pub(super) log: Log,
    pub(super) decoder: Decoder,
    pub(super) status: Arc<Status>,
    pub(super) follower: Option<Box<dyn Follower>>,
    /// When the disk failed last; `None` if it has worked since.
    pub(super) failed_at: Option<Instant>,
}

impl Writer {
    /// Serves requests until the journal is closed.
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
                // It fails if the caller no longer waits. The follower stays all the same.
                let _ = done.send(self.follow(after, follower));
            }
            Request::Seal { done } => {
                // It fails if the caller does not wait.
                let _ = done.send(self.log.seal());
            }
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
        if let Some(stopped) = self.status.stopped.get() {
            return self.refuse(batch, &stopped.clone().into());
        }
        let appended = self.commit(&batch);
        if !matches!(appended, Err(AppendError::NotFollowed)) {
            let noted = appended.as_ref().map(|_| ());
            self.note(&noted.map_err(cause));
        }
        match appended {
            Ok(block) => {
                self.status.appended(block.first, batch.len());
                self.apply(block, batch);
            }
            Err(error) => self.refuse(batch, &error),
        }
    }

    /// Hands entries that are durable to the follower. Ends the journal if one of them cannot
    /// be applied: what the follower has made is not to be used any more.
    fn apply(&mut self, block: ChainPoint, batch: Vec<Append>) {
        let Some(mut follower) = self.follower.take() else {
            return self.refuse(batch, &AppendError::NotFollowed);
        };
        follower.begin_block(block);
        let mut batch = batch.into_iter();
        for (Append { entry, done }, revision) in batch.by_ref().zip(block.first..) {
            let applied = Unappliable::guard(revision, || follower.apply(revision, &entry));
            if let Err(stopped) = applied {
                tracing::error!("{stopped}");
                // It is set once: nothing is applied after it.
                let _ = self.status.stopped.set(stopped.clone());
                let error = stopped.into();
                let _ = done.send(Err(AppendError::clone(&error)));
                return self.refuse(batch.collect(), &error);
            }
            // It fails if the appender no longer waits.
            let _ = done.send(Ok(revision));
        }
        self.follower = Some(follower);
    }

    fn refuse(&self, batch: Vec<Append>, error: &AppendError) {
        self.status.refused(batch.len());
        for Append { done, .. } in batch {
            let _ = done.send(Err(error.clone()));
        }
    }

    fn commit(&mut self, batch: &[Append]) -> Result<ChainPoint, AppendError> {
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
        let known = follower.known();
        let mut applied = Ok(());
        let replayed = self.log.replay(after, known, &self.decoder, &mut |block| {
            follower.begin_block(block.point);
            for (entry, revision) in block.entries.iter().zip(block.first..) {
                applied = Unappliable::guard(revision, || follower.apply(revision, entry));
                if applied.is_err() {
                    return ControlFlow::Break(());
                }
            }
            if progress.0.elapsed() >= PROGRESS_INTERVAL {
                let revision = block.point.last;
                let rate = (revision - progress.1) as f64 / progress.0.elapsed().as_secs_f64();
                tracing::info!(revision, per_second = rate as u64, "replaying the journal");
                progress = (Instant::now(), revision);
            }
            ControlFlow::Continue(())
        });
        applied?;
        replayed.map_err(|error| match error {
            StoreError::Unappliable(entry) => entry.into(),
            error => FollowError::Store(Cause::new(error)),
        })?;
        follower.caught_up();
        let (first, last) = (self.log.first(), self.log.last());
        tracing::info!(after, last, took = ?began.elapsed(), "replayed the journal");
        self.status.first(first);
        self.status.last(last);
        self.follower = Some(follower);
        Ok(())
    }
}

/// The entries that are made durable together with `first`, and the request after them if
/// it is of another kind.
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

/// The bytes that an entry counts as.
pub(super) fn weight(entry: &Entry) -> usize {
    match &entry.payload {
        Payload::Callback(callback) => callback.body.len() + callback.query.len(),
        Payload::Tick => 0,
    }
}
