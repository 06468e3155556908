//! The one thread that writes the journal. It makes all waiting entries durable with one
//! sync, hands them to the follower, and then answers their appenders.

use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::Receiver;

use super::{
    log::Log,
    requests::{Append, Request, gather},
    status::Status,
};
use crate::{
    domain::Time,
    journal::{
        AppendError, Cause, ChainPoint, Decoder, Dropped, FollowError, Follower, Revision, Room,
        StoreError, Unappliable,
    },
};

/// How long entries are refused after a failure, before the disk is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// How often a long replay logs its progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

/// The state of the thread.
pub(super) struct Writer {
    pub(super) log: Log,
    pub(super) decoder: Decoder,
    pub(super) status: Arc<Status>,
    pub(super) follower: Option<Box<dyn Follower>>,
    /// When the disk is tried again, after it failed; `None` if it has worked since.
    pub(super) retry_at: Option<Instant>,
}

impl Writer {
    /// Serves requests until the journal is closed.
    pub(super) fn run(mut self, mut requests: Receiver<Request>) {
        let mut next = requests.blocking_recv();
        while let Some(request) = next {
            let after = self.serve(request, &mut requests);
            next = after.or_else(|| requests.blocking_recv());
        }
    }

    /// Serves a request, and takes what can be served with it from the others. Returns the next,
    /// if it was taken too.
    fn serve(&mut self, request: Request, requests: &mut Receiver<Request>) -> Option<Request> {
        match request {
            Request::Append(first) => {
                let bytes_max = self.log.room().batch_bytes_max();
                let (batch, after) = gather(first, bytes_max, requests);
                self.append(batch);
                return after;
            }
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
                self.status.room(self.log.room());
            }
            Request::DropBefore { first, until, done } => {
                // It fails if the caller does not wait.
                let _ = done.send(self.drop_before(first, until));
            }
            Request::Probe { now } => {
                let tried = match self.retry_at {
                    Some(_) => self.log.try_to_write(now),
                    None => self.log.check_place(),
                };
                if self.retry_at.is_some() || tried.is_err() {
                    self.note(tried.map_err(Cause::new).as_ref().err());
                }
            }
        }
        None
    }

    fn drop_before(&mut self, first: Revision, until: Time) -> Dropped {
        let dropped = match self.log.drop_before(first, until) {
            Ok(dropped) => {
                tracing::debug!(from = first, ?dropped, "dropped entries");
                dropped
            }
            Err(error) => {
                tracing::warn!(%error, "cannot drop old entries");
                Dropped::default()
            }
        };
        if dropped.segments > 0 && self.retry_at.is_some() {
            // If it was room that was missing, there may be some now.
            self.retry_at = Some(Instant::now());
        }
        self.status.dropped(dropped);
        self.status.first(self.log.first());
        self.status.room(self.log.room());
        dropped
    }

    fn append(&mut self, batch: Vec<Append>) {
        if let Some(error) = self.refusal() {
            return self.refuse(batch, &error);
        }
        let entries = batch.iter().map(|append| &append.entry);
        let now = entries.clone().map(|entry| entry.received_at).max();
        let appended = self.log.append(entries, now.unwrap_or(Time::MIN));
        let appended = appended.map_err(Cause::new);
        self.note(appended.as_ref().err());
        match appended {
            Ok(block) => {
                self.status.appended(block.first, batch.len());
                self.apply(block, batch);
            }
            Err(cause) => self.refuse(batch, &AppendError::Store(cause)),
        }
    }

    /// Why entries are refused without trying to write them, if they are.
    fn refusal(&self) -> Option<AppendError> {
        if let Some(stopped) = self.status.stopped.get() {
            return Some(stopped.clone().into());
        }
        if self.follower.is_none() {
            return Some(AppendError::NotFollowed);
        }
        self.retry_at.filter(|at| Instant::now() < *at)?;
        let failure = self.status.failure();
        Some(failure.map_or(AppendError::Closed, AppendError::Store))
    }

    /// Hands entries that are durable to the follower. Ends the journal if one of them cannot
    /// be applied: what the follower has made is not to be used any more.
    fn apply(&mut self, block: ChainPoint, batch: Vec<Append>) {
        let Some(mut follower) = self.follower.take() else {
            return self.refuse(batch, &AppendError::NotFollowed);
        };
        follower.begin_block(block);
        let mut batch = batch.into_iter();
        for (Append { entry, done, .. }, revision) in batch.by_ref().zip(block.first..) {
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

    /// Notes whether the disk works, and how much room it has.
    fn note(&mut self, failure: Option<&Cause>) {
        self.note_room();
        match failure {
            None if self.retry_at.take().is_some() => {
                tracing::info!("the journal can be written to again");
                self.status.recovered();
            }
            None => {}
            Some(reason) => {
                let is_news = self.retry_at.is_none();
                let now = Instant::now();
                if self.retry_at.is_none_or(|at| at <= now) {
                    self.retry_at = Some(now + RETRY_INTERVAL);
                }
                if is_news {
                    tracing::error!("the journal cannot be written to: {reason}");
                }
                self.status.failed(reason);
            }
        }
    }

    fn note_room(&self) {
        self.status.room(self.log.room());
        if self.status.left() != Room::Enough {
            self.status.short_of_room.notify_one();
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
        self.note_room();
        Ok(())
    }
}
