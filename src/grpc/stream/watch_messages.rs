//! The messages of one watch.

use std::{sync::Arc, time::Duration};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use prost::Message as _;
use tonic::Status;

use crate::{
    grpc::{
        messages::{
            outgoing::{Outgoing, put_field_head},
            token::ResumeToken,
            wire_subject::WireSubject,
        },
        metrics::OpenWatch,
        stream::pacing::{Pacing, Silence, Wakeups},
    },
    journal::{Epoch, Revision},
    roster::{Batch, Encoded, SnapshotReason, Update, Watch, WatchEvent},
};

/// The field of a message that holds changes.
const CHANGES_TAG: u32 = 4;

/// Turns the events of a watch into messages that fit into gRPC's limits.
#[derive(Debug)]
pub(in crate::grpc) struct WatchMessages<S: WireSubject> {
    watch: Watch<S>,
    subject: S::Ref,
    epoch: Epoch,
    /// A snapshot of which parts are still to be sent.
    rest: Option<SnapshotRest<S>>,
    pacing: Pacing,
    /// Counts this watch among those that are open.
    open: OpenWatch,
}

/// What is left of a snapshot.
#[derive(Debug)]
struct SnapshotRest<S: WireSubject> {
    view: S::View,
    revision: Revision,
    reason: SnapshotReason,
    after: Option<S::Cursor>,
}

impl<S: WireSubject> WatchMessages<S> {
    pub(in crate::grpc) fn new(
        watch: Watch<S>,
        subject: S::Ref,
        epoch: Epoch,
        wakeups: Arc<Wakeups>,
        open: OpenWatch,
    ) -> Self {
        Self {
            watch,
            subject,
            epoch,
            rest: None,
            pacing: Pacing::new(wakeups),
            open,
        }
    }

    /// A stream of these messages alone, with progress after each `progress_interval` of
    /// silence. It does not end by itself: a watch is over when it is dropped.
    pub(in crate::grpc) fn into_stream(
        self,
        progress_interval: Duration,
    ) -> impl Stream<Item = Result<Outgoing<S::Message>, Status>> {
        let silence = Silence::new(progress_interval);
        stream::unfold((self, silence), |(mut messages, mut silence)| async move {
            silence.begin();
            let message = messages.next(&mut silence).await;
            Some((Ok(message), (messages, silence)))
        })
    }

    /// Waits for the next message. It is progress if `silence` ends before anything
    /// happens. Dropping the future loses nothing.
    async fn next(&mut self, silence: &mut Silence) -> Outgoing<S::Message> {
        if let Some(rest) = self.rest.take() {
            return Outgoing::Message(self.snapshot_part(rest));
        }
        self.pacing.ready(&mut self.watch, silence).await;
        match self.watch.next(silence.end()).await {
            WatchEvent::Snapshot {
                view,
                revision,
                reason,
            } => {
                self.open.count_snapshot(reason);
                Outgoing::Message(self.snapshot_part(SnapshotRest {
                    view,
                    revision,
                    reason,
                    after: None,
                }))
            }
            WatchEvent::Updates(updates) => {
                self.pacing.note_sent();
                self.changes(&updates)
            }
            WatchEvent::Progress { revision, view } => {
                let progress = S::progress(&self.subject, &view);
                let token = self.token(revision);
                Outgoing::Message(S::message(revision, token, Some(progress)))
            }
        }
    }

    /// As much of a snapshot as goes into one message. A client can resume from the last
    /// part alone.
    fn snapshot_part(&mut self, rest: SnapshotRest<S>) -> S::Message {
        let SnapshotRest {
            view,
            revision,
            reason,
            after,
        } = rest;
        let (part, after) = S::snapshot_part(&self.subject, &view, reason, after);
        if after.is_none() {
            return S::message(revision, self.token(revision), Some(part));
        }
        self.rest = Some(SnapshotRest {
            view,
            revision,
            reason,
            after,
        });
        S::message(revision, String::new(), Some(part))
    }

    /// Several updates are told in one message, as if they were one: at the revision
    /// of the last.
    fn changes(&mut self, updates: &Batch<S::Change>) -> Outgoing<S::Message> {
        let message = updates.message(|| match &**updates {
            [one] => self.encode(one).message.clone(),
            several => {
                let encoded = several.iter().map(|update| self.encode(update));
                together(&encoded.collect::<Vec<_>>())
            }
        });
        Outgoing::Encoded([message.clone(), Bytes::new()])
    }

    fn encode<'u>(&self, update: &'u Update<S::Change>) -> &'u Encoded {
        update.encoded(|| {
            let revision = update.revision;
            let mut message = BytesMut::new();
            let head = S::message(revision, self.token(revision), None).encode_to_vec();
            message.put_slice(&head);
            let mut changes = BytesMut::new();
            S::encode_changes(
                &self.subject,
                update.changes.as_deref().unwrap_or_default(),
                &mut changes,
            );
            put_field_head(CHANGES_TAG, changes.len(), &mut message);
            let changes_at = message.len();
            message.put_slice(&changes);
            Encoded {
                message: message.freeze(),
                head: head.len(),
                changes_at,
            }
        })
    }

    fn token(&self, revision: Revision) -> String {
        let epoch = self.epoch;
        ResumeToken { epoch, revision }.encode()
    }
}

/// One message of the changes of several updates, oldest first.
fn together(updates: &[&Encoded]) -> Bytes {
    let length: usize = updates.iter().map(|update| update.changes().len()).sum();
    // Few bytes more than there are.
    let head = updates.last().map_or(0, |last| last.head().len());
    let mut message = BytesMut::with_capacity(head + length + 16);
    if let Some(last) = updates.last() {
        message.put_slice(last.head());
    }
    put_field_head(CHANGES_TAG, length, &mut message);
    for update in updates {
        message.put_slice(update.changes());
    }
    message.freeze()
}
