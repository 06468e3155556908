//! A watch of a room as a stream of messages.

use std::{sync::Arc, time::Duration};

use futures_util::stream::{self, Stream};
use tokio::time;

use crate::{
    grpc::{
        convert::{RoomRef, to_count, to_snapshot_reason, to_user},
        metrics::OpenWatch,
        pace::Pace,
        page::{PART_BYTES_MAX, fill},
        token::ResumeToken,
    },
    journal::{Epoch, Revision},
    pb::{self, watch_room_response::Update as Message},
    room::{MemberKey, Room, RoomChange, RoomView},
    roster::{SnapshotReason, Step, Update, Watch},
};

/// Turns the steps of a watch into messages that fit into gRPC's limits.
#[derive(Debug)]
pub(super) struct RoomStream {
    pub(super) watch: Watch<Room>,
    pub(super) room: RoomRef,
    pub(super) epoch: Epoch,
    pub(super) progress_interval: Duration,
    /// A snapshot that has not been sent whole.
    pub(super) snapshot: Option<Parts>,
    /// When changes may be sent next.
    pub(super) pace: Pace,
    /// Counts this stream among those that are open.
    pub(super) open: OpenWatch,
}

/// The rest of a snapshot.
#[derive(Debug)]
pub(super) struct Parts {
    view: RoomView,
    revision: Revision,
    reason: SnapshotReason,
    /// The last user that was sent.
    after: Option<MemberKey>,
}

impl RoomStream {
    /// The messages, without end: a watch is over when it is dropped.
    pub(super) fn messages(
        self,
    ) -> impl Stream<Item = Result<pb::WatchRoomResponse, tonic::Status>> {
        stream::unfold(self, |mut watch| async move {
            let message = watch.next().await;
            Some((Ok(message), watch))
        })
    }

    async fn next(&mut self) -> pb::WatchRoomResponse {
        if let Some(parts) = self.snapshot.take() {
            return self.part(parts);
        }
        self.pace.ready().await;
        match self.watch.next(time::sleep(self.progress_interval)).await {
            Step::Snapshot {
                view,
                revision,
                reason,
            } => {
                self.open.count_snapshot(reason);
                self.part(Parts {
                    view,
                    revision,
                    reason,
                    after: None,
                })
            }
            Step::Updates(updates) => self.changes(&updates),
            Step::Progress { revision, view } => {
                let progress = pb::Progress {
                    user_count: to_count(view.summary.user_count),
                    digest: view.members.digest(),
                };
                self.message(revision, Message::Progress(progress))
            }
        }
    }

    /// Sends as much of a snapshot as goes into one message.
    fn part(&mut self, parts: Parts) -> pb::WatchRoomResponse {
        let Parts {
            view,
            revision,
            reason,
            after,
        } = parts;
        let members = view.members.after(after.as_ref());
        let page = fill(members, usize::MAX, PART_BYTES_MAX, |member| {
            to_user(member)
        });
        let after = page.go_on_after.map(|member| MemberKey::from(&**member));
        let snapshot = Message::Snapshot(pb::Snapshot {
            room: Some(self.room.to_room(&view.summary)),
            users: page.messages,
            reason: to_snapshot_reason(reason).into(),
            complete: after.is_none(),
        });
        let mut message = self.message(revision, snapshot);
        if after.is_some() {
            message.resume_token.clear();
            self.snapshot = Some(Parts {
                view,
                revision,
                reason,
                after,
            });
        }
        message
    }

    fn changes(&mut self, updates: &[Arc<Update<RoomChange>>]) -> pb::WatchRoomResponse {
        let revision = updates.last().map_or(0, |update| update.revision);
        let changes = updates
            .iter()
            .filter_map(|update| update.changes.as_ref())
            .flatten();
        let changes = changes.map(|change| self.room.to_change(change)).collect();
        self.pace.sent();
        self.message(revision, Message::Changes(pb::Changes { changes }))
    }

    fn message(&self, revision: Revision, update: Message) -> pb::WatchRoomResponse {
        let epoch = self.epoch;
        pb::WatchRoomResponse {
            revision,
            resume_token: ResumeToken { epoch, revision }.encode(),
            update: Some(update),
        }
    }
}
