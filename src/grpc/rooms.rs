//! How a room is put into messages.

use bytes::BytesMut;
use prost::Message as _;

use crate::{
    grpc::{
        convert::{RoomRef, to_count, to_snapshot_reason, to_user},
        outgoing::put_field,
        page::{PART_BYTES_MAX, fill},
        stream::Spoken,
    },
    journal::Revision,
    pb::{self, watch_room_response::Update},
    reconcile::room::{MemberKey, Room, RoomChange, RoomView},
    roster::SnapshotReason,
};

/// The field of `Changes` that lists them.
const CHANGE_TAG: u32 = 1;

impl Spoken for Room {
    type Context = RoomRef;
    type Place = MemberKey;
    type Update = Update;
    type Message = pb::WatchRoomResponse;

    fn part(
        context: &RoomRef,
        view: &RoomView,
        reason: SnapshotReason,
        after: Option<MemberKey>,
    ) -> (Update, Option<MemberKey>) {
        let members = view.members.after(after.as_ref());
        let page = fill(members, usize::MAX, PART_BYTES_MAX, |member| {
            to_user(member)
        });
        let after = page.go_on_after.map(MemberKey::from);
        let snapshot = Update::Snapshot(pb::Snapshot {
            room: Some(context.to_room(&view.summary)),
            users: page.messages,
            reason: to_snapshot_reason(reason).into(),
            complete: after.is_none(),
        });
        (snapshot, after)
    }

    fn encode_changes(context: &RoomRef, changes: &[RoomChange], out: &mut BytesMut) {
        let changes = changes.iter().map(|change| context.to_change(change));
        changes.for_each(|change| put_field(CHANGE_TAG, &change.encode_to_vec(), out));
    }

    fn progress(_: &RoomRef, view: &RoomView) -> Update {
        Update::Progress(pb::Progress {
            user_count: to_count(view.summary.user_count),
            digest: view.members.digest(),
        })
    }

    fn message(revision: Revision, resume_token: String, update: Option<Update>) -> Self::Message {
        pb::WatchRoomResponse {
            revision,
            resume_token,
            update,
        }
    }
}
