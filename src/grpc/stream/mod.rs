//! A watch as a stream of messages, of whatever is watched.

pub(super) mod drain;
mod pacing;

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use prost::Message as _;

use crate::{
    grpc::{
        messages::{
            outgoing::{Outgoing, put_field_head},
            token::ResumeToken,
            wire_subject::WireSubject,
        },
        metrics::OpenWatch,
    },
    journal::{Epoch, Revision},
    roster::{Batch, Encoded, SnapshotReason, Step, Update, Watch},
};

use self::pacing::{rate::Rate, shared_wakeup::ring, silence::Silence};

/// The field of a message that holds changes.
const CHANGES_TAG: u32 = 4;

/// Turns the steps of a watch into messages that fit into gRPC's limits.
#[derive(Debug)]
pub(super) struct Messages<S: WireSubject> {
    watch: Watch<S>,
    subject: S::Ref,
    epoch: Epoch,
    /// Ends when the watch is to be told that nothing changed.
    silence: Silence,
    /// A snapshot that has not been sent whole.
    rest: Option<Rest<S>>,
    /// When changes may be sent next.
    rate: Rate,
    /// Counts this stream among those that are open.
    open: OpenWatch,
}

/// The rest of a snapshot.
#[derive(Debug)]
struct Rest<S: WireSubject> {
    view: S::View,
    revision: Revision,
    reason: SnapshotReason,
    after: Option<S::Cursor>,
}

impl<S: WireSubject> Messages<S> {
    pub(super) fn new(
        watch: Watch<S>,
        subject: S::Ref,
        epoch: Epoch,
        progress_interval: Duration,
        open: OpenWatch,
    ) -> Self {
        Self {
            watch,
            subject,
            epoch,
            silence: Silence::new(progress_interval),
            rest: None,
            rate: Rate::new(),
            open,
        }
    }

    /// The messages, without end: a watch is over when it is dropped.
    pub(super) fn stream(self) -> impl Stream<Item = Result<Outgoing<S::Message>, tonic::Status>> {
        stream::unfold(self, |mut messages| async move {
            let message = messages.next().await;
            Some((Ok(message), messages))
        })
    }

    async fn next(&mut self) -> Outgoing<S::Message> {
        if let Some(rest) = self.rest.take() {
            return Outgoing::Message(self.part(rest));
        }
        self.silence.begin();
        while self.rate.holds_up() {
            match self.watch.rung(self.silence.end()).await {
                Some(ringer) => drop(tokio::spawn(ring(ringer))),
                None if self.watch.has_next() => break,
                None => {}
            }
        }
        match self.watch.next(self.silence.end()).await {
            Step::Snapshot {
                view,
                revision,
                reason,
            } => {
                self.open.count_snapshot(reason);
                Outgoing::Message(self.part(Rest {
                    view,
                    revision,
                    reason,
                    after: None,
                }))
            }
            Step::Updates(updates) => self.changes(&updates),
            Step::Progress { revision, view } => {
                let progress = S::progress(&self.subject, &view);
                let token = self.token(revision);
                Outgoing::Message(S::message(revision, token, Some(progress)))
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
        let (part, after) = S::snapshot_part(&self.subject, &view, reason, after);
        if after.is_none() {
            return S::message(revision, self.token(revision), Some(part));
        }
        self.rest = Some(Rest {
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
        self.rate.sent();
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
