//! The messages of one watch.

use std::{sync::Arc, time::Duration};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use prost::Message as _;
use tonic::Status;

use crate::{
    grpc::{
        messages::{
            outgoing::{FIELD_HEAD_BYTES_MAX, Outgoing, put_field_head},
            token::ResumeToken,
            wire_subject::WireSubject,
        },
        metrics::OpenWatch,
        stream::pacing::{Pacing, Silence, Wakeups},
    },
    journal::{Epoch, Revision},
    roster::{ChangeBatch, EncodingKey, EntryChanges, SnapshotReason, Watch, WatchEvent},
};

/// The field of a message that holds changes.
const CHANGES_TAG: u32 = 4;

/// The message that tells a batch of changes to a watch with a stream of its own.
const MESSAGE: EncodingKey = EncodingKey(1);
/// The changes of one entry, as items of the list of a message's changes.
const CHANGES: EncodingKey = EncodingKey(2);

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
            WatchEvent::Changes(batch) => {
                self.pacing.note_sent();
                self.changes(&batch)
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

    /// All changes of a batch in one message, at the revision of the last entry. It is
    /// encoded once for all watches of the subject.
    fn changes(&self, batch: &ChangeBatch<S::Change>) -> Outgoing<S::Message> {
        let message = batch.encoded(MESSAGE, || match &**batch {
            [only] => self.encode_message(only.revision, &[&self.encode_changes(only)]),
            several => {
                let encode = |entry| {
                    batch.encoded_entry(entry, CHANGES, || self.encode_changes(entry).freeze())
                };
                let changes: Vec<&[u8]> = several.iter().map(|it| &**encode(it)).collect();
                let last = several.last().map_or(0, |last| last.revision);
                self.encode_message(last, &changes)
            }
        });
        Outgoing::Encoded([message.clone(), Bytes::new()])
    }

    /// The changes of an entry, as items of the list of a message's changes.
    fn encode_changes(&self, entry: &EntryChanges<S::Change>) -> BytesMut {
        let changes = entry.changes.as_deref().unwrap_or_default();
        let mut encoded = BytesMut::new();
        S::encode_changes(&self.subject, changes, &mut encoded);
        encoded
    }

    /// A message whose list of changes is put together of encoded items.
    fn encode_message(&self, revision: Revision, changes: &[&[u8]]) -> Bytes {
        let head = S::message(revision, self.token(revision), None);
        let length = changes.iter().map(|items| items.len()).sum();
        let mut message =
            BytesMut::with_capacity(head.encoded_len() + FIELD_HEAD_BYTES_MAX + length);
        head.encode_raw(&mut message);
        put_field_head(CHANGES_TAG, length, &mut message);
        for items in changes {
            message.put_slice(items);
        }
        message.freeze()
    }

    fn token(&self, revision: Revision) -> String {
        let epoch = self.epoch;
        ResumeToken { epoch, revision }.encode()
    }
}
