//! A watch as a stream of messages, of whatever is watched.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::stream::{self, Stream};
use tokio::time;

use crate::{
    grpc::{metrics::OpenWatch, pace::Pace, token::ResumeToken},
    journal::{Epoch, Revision},
    roster::{SnapshotReason, Step, Update, Watch, Watched},
};

/// How a subject is put into messages.
pub(super) trait Spoken: Watched {
    /// What the messages repeat and the domain knows from context.
    type Context: fmt::Debug + Send;
    /// Where a snapshot that has not been sent whole goes on.
    type Place: fmt::Debug + Send;
    /// One of a message's kinds.
    type Update;
    /// A message.
    type Message;

    /// As much of a snapshot as goes into one message, from a place on.
    fn part(
        context: &Self::Context,
        view: &Self::View,
        reason: SnapshotReason,
        after: Option<Self::Place>,
    ) -> (Self::Update, Option<Self::Place>);

    /// Changes, oldest first.
    fn changes<'a>(
        context: &Self::Context,
        changes: impl Iterator<Item = &'a Self::Change>,
    ) -> Self::Update;

    /// Nothing changed.
    fn progress(context: &Self::Context, view: &Self::View) -> Self::Update;

    /// Puts a kind into a message.
    fn message(revision: Revision, resume_token: String, update: Self::Update) -> Self::Message;
}

/// Turns the steps of a watch into messages that fit into gRPC's limits.
#[derive(Debug)]
pub(super) struct Messages<S: Spoken> {
    watch: Watch<S>,
    context: S::Context,
    epoch: Epoch,
    progress_interval: Duration,
    /// A snapshot that has not been sent whole.
    rest: Option<Rest<S>>,
    /// When changes may be sent next.
    pace: Pace,
    /// Counts this stream among those that are open.
    open: OpenWatch,
}

/// The rest of a snapshot.
#[derive(Debug)]
struct Rest<S: Spoken> {
    view: S::View,
    revision: Revision,
    reason: SnapshotReason,
    after: Option<S::Place>,
}

impl<S: Spoken> Messages<S> {
    pub(super) fn new(
        watch: Watch<S>,
        context: S::Context,
        epoch: Epoch,
        progress_interval: Duration,
        open: OpenWatch,
    ) -> Self {
        Self {
            watch,
            context,
            epoch,
            progress_interval,
            rest: None,
            pace: Pace::new(),
            open,
        }
    }

    /// The messages, without end: a watch is over when it is dropped.
    pub(super) fn stream(self) -> impl Stream<Item = Result<S::Message, tonic::Status>> {
        stream::unfold(self, |mut messages| async move {
            let message = messages.next().await;
            Some((Ok(message), messages))
        })
    }

    async fn next(&mut self) -> S::Message {
        if let Some(rest) = self.rest.take() {
            return self.part(rest);
        }
        self.pace.ready().await;
        match self.watch.next(time::sleep(self.progress_interval)).await {
            Step::Snapshot {
                view,
                revision,
                reason,
            } => {
                self.open.count_snapshot(reason);
                self.part(Rest {
                    view,
                    revision,
                    reason,
                    after: None,
                })
            }
            Step::Updates(updates) => self.changes(&updates),
            Step::Progress { revision, view } => {
                let progress = S::progress(&self.context, &view);
                S::message(revision, self.token(revision), progress)
            }
        }
    }

    /// Sends as much of a snapshot as goes into one message. Only the last part
    /// can be resumed from.
    fn part(&mut self, rest: Rest<S>) -> S::Message {
        let Rest {
            view,
            revision,
            reason,
            after,
        } = rest;
        let (part, after) = S::part(&self.context, &view, reason, after);
        if after.is_none() {
            return S::message(revision, self.token(revision), part);
        }
        self.rest = Some(Rest {
            view,
            revision,
            reason,
            after,
        });
        S::message(revision, String::new(), part)
    }

    fn changes(&mut self, updates: &[Arc<Update<S::Change>>]) -> S::Message {
        let revision = updates.last().map_or(0, |update| update.revision);
        let changes = updates
            .iter()
            .filter_map(|update| update.changes.as_ref())
            .flatten();
        let changes = S::changes(&self.context, changes);
        self.pace.sent();
        S::message(revision, self.token(revision), changes)
    }

    fn token(&self, revision: Revision) -> String {
        let epoch = self.epoch;
        ResumeToken { epoch, revision }.encode()
    }
}
