//! The messages of one watch.

use std::{sync::Arc, time::Duration};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use prost::Message as _;
use tonic::Status;

use crate::{
    grpc::{
        messages::{
            outgoing::{FIELD_HEADER_BYTES_MAX, Outgoing, encoded, put_field_header},
            pieces::{PREFIX_BYTES, Pieces, put_prefix},
            token::ResumeToken,
            wire_subject::WireSubject,
        },
        metrics::OpenWatch,
        send_turns::{SHORT_BYTES, SendTurn, SendTurns},
        stream::{
            delivery::Deliveries,
            pacing::{IdleTimer, Pacing, Wakeups},
        },
    },
    journal::Revision,
    roster::{
        ChangeBatch, Due, EncodingKey, EntryChanges, Roster, SnapshotReason, Watch, WatchEvent,
    },
};

/// What is answered instead of what may be half of an entry.
pub(in crate::grpc) const HALF_APPLIED: &str =
    "an entry of the journal could not be applied: the server is going away";

/// The tag of the field of a message that contains changes.
const CHANGES_TAG: u32 = 4;

/// The key of the message with a batch of changes.
const MESSAGE: EncodingKey = EncodingKey(1);
/// The key of the changes of one entry, as items of a message's list of changes.
const CHANGES: EncodingKey = EncodingKey(2);

/// Converts the events of a watch to messages within gRPC's limits.
#[derive(Debug)]
pub(in crate::grpc) struct WatchMessages<S: WireSubject> {
    watch: Watch<S>,
    subject: S::Ref,
    roster: Arc<Roster>,
    /// What is not sent yet of a snapshot.
    rest: Option<SnapshotRest<S>>,
    pacing: Pacing,
    /// In which turns snapshots and long messages are made; `None` if nothing is sent by a
    /// connection.
    send_turns: Option<SendTurns>,
    deliveries: Deliveries,
    /// Counts this watch as open.
    open: OpenWatch,
}

/// The part of a snapshot that is not sent yet.
#[derive(Debug)]
struct SnapshotRest<S: WireSubject> {
    view: S::View,
    revision: Revision,
    reason: SnapshotReason,
    after: Option<S::Cursor>,
    /// All of the snapshot has one turn: what is not sent yet takes memory, too.
    turn: Option<Arc<SendTurn>>,
}

impl<S: WireSubject> WatchMessages<S> {
    pub(in crate::grpc) fn new(
        watch: Watch<S>,
        subject: S::Ref,
        roster: Arc<Roster>,
        wakeups: Arc<Wakeups>,
        send_turns: Option<SendTurns>,
        deliveries: Deliveries,
        open: OpenWatch,
    ) -> Self {
        Self {
            watch,
            subject,
            roster,
            rest: None,
            pacing: Pacing::new(wakeups),
            send_turns,
            deliveries,
            open,
        }
    }

    /// The messages as a stream, with progress after each `progress_interval` without a
    /// message. The stream does not end by itself. The watch ends when the stream is dropped.
    pub(in crate::grpc) fn into_stream(
        self,
        progress_interval: Duration,
    ) -> impl Stream<Item = Result<Outgoing<S::Message>, Status>> {
        let idle = IdleTimer::new(progress_interval);
        stream::unfold((self, idle), |(mut messages, mut idle)| async move {
            idle.restart();
            let message = messages.next(&mut idle).await;
            // Looked at after the roster was read: then nothing that was read is half of an entry.
            let message = match messages.roster.is_whole() {
                true => Ok(message),
                false => Err(Status::unavailable(HALF_APPLIED)),
            };
            Some((message, (messages, idle)))
        })
    }

    /// Waits for the next message. It is progress if `idle` elapses before there is another
    /// message. To drop the future loses nothing.
    async fn next(&mut self, idle: &mut IdleTimer) -> Outgoing<S::Message> {
        loop {
            if let Some(rest) = self.rest.take() {
                return self.snapshot_part(rest);
            }
            self.pacing.ready(&mut self.watch, idle).await;
            let (event, turn) = match self.watch.due(SHORT_BYTES, idle.elapsed()).await {
                Due::Event(event) => (event, None),
                Due::Large => {
                    let turn = take_turn(self.send_turns.as_ref()).await;
                    match self.watch.try_next() {
                        Some(event) => (event, turn),
                        None => continue,
                    }
                }
            };
            match event {
                WatchEvent::Snapshot {
                    view,
                    revision,
                    reason,
                } => {
                    self.open.count_snapshot(reason);
                    self.rest = Some(SnapshotRest {
                        view,
                        revision,
                        reason,
                        after: None,
                        turn,
                    });
                }
                WatchEvent::Changes(batch) => {
                    self.pacing.note_sent();
                    self.deliveries.note(&batch);
                    return Outgoing::Encoded(in_turn(self.changes(&batch), turn));
                }
                WatchEvent::Progress { revision, view } => {
                    let progress = S::progress(&self.subject, &view);
                    let token = self.token(revision);
                    return Outgoing::Message(S::message(revision, token, Some(progress)));
                }
            }
        }
    }

    /// As much of a snapshot as fits into one message. Only the last part has a resume token.
    fn snapshot_part(&mut self, rest: SnapshotRest<S>) -> Outgoing<S::Message> {
        let SnapshotRest {
            view,
            revision,
            reason,
            after,
            turn,
        } = rest;
        let (part, after) = S::snapshot_part(&self.subject, &view, reason, after);
        let token = match after {
            Some(_) => String::new(),
            None => self.token(revision),
        };
        let message = S::message(revision, token, Some(part));
        let part = match &turn {
            Some(_) => Outgoing::Encoded(in_turn(encoded(&message), turn.clone())),
            None => Outgoing::Message(message),
        };
        self.rest = after.map(|after| SnapshotRest {
            view,
            revision,
            reason,
            after: Some(after),
            turn,
        });
        part
    }

    /// All changes of a batch in one message, with the revision of the last entry. The message
    /// is encoded once for all watches of the subject.
    fn changes(&self, batch: &ChangeBatch<S::Change>) -> Bytes {
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
        message.clone()
    }

    /// Encodes the changes of an entry, as items of a message's list of changes.
    fn encode_changes(&self, entry: &EntryChanges<S::Change>) -> BytesMut {
        let changes = entry.changes.as_deref().unwrap_or_default();
        let mut encoded = BytesMut::new();
        S::encode_changes(&self.subject, changes, &mut encoded);
        encoded
    }

    /// The bytes of a message whose list of changes consists of encoded items.
    fn encode_message(&self, revision: Revision, changes: &[&[u8]]) -> Bytes {
        let head = S::message(revision, self.token(revision), None);
        let length = changes.iter().map(|items| items.len()).sum();
        let mut header = BytesMut::with_capacity(FIELD_HEADER_BYTES_MAX);
        put_field_header(CHANGES_TAG, length, &mut header);
        let message_bytes = head.encoded_len() + header.len() + length;
        let mut message = BytesMut::with_capacity(PREFIX_BYTES + message_bytes);
        put_prefix(message_bytes, &mut message);
        head.encode_raw(&mut message);
        message.put_slice(&header);
        for items in changes {
            message.put_slice(items);
        }
        message.freeze()
    }

    fn token(&self, revision: Revision) -> String {
        ResumeToken::at(&self.roster, revision).encode()
    }
}

/// Waits until a stream may make something long.
async fn take_turn(turns: Option<&SendTurns>) -> Option<Arc<SendTurn>> {
    turns?.take().await.map(Arc::new)
}

/// The pieces of a message. They have the turn in which it was made, unless it is short.
fn in_turn(message: Bytes, turn: Option<Arc<SendTurn>>) -> Pieces {
    let message = match turn.filter(|_| message.len() > SHORT_BYTES) {
        Some(turn) => turn.hold(message),
        None => message,
    };
    Pieces::from(message)
}
