//! What can be watched by gRPC: a room or a user.

use std::fmt;

use bytes::BytesMut;
use prost::Message;

use crate::{
    journal::Revision,
    roster::{SnapshotReason, Watchable},
};

/// A subject whose snapshots, changes and progress can be put into messages.
pub(in crate::grpc) trait WireSubject: Watchable {
    /// Names the subject. The messages repeat it, and the domain's types do not.
    type Ref: fmt::Debug + Send;
    /// Where a snapshot continues that does not fit into one message.
    type Cursor: fmt::Debug + Send;
    /// What a message tells: a snapshot, changes or progress.
    type Update;
    /// A message. Its fields 1 and 2 are the revision and the resume token, 4 the changes.
    type Message: Message + Default + 'static;

    /// As much of a snapshot as goes into one message, and where the next part begins.
    /// `after` is where the part before ended.
    fn snapshot_part(
        subject: &Self::Ref,
        view: &Self::View,
        reason: SnapshotReason,
        after: Option<Self::Cursor>,
    ) -> (Self::Update, Option<Self::Cursor>);

    /// Writes changes, each as one item of the list of a message's changes.
    fn encode_changes(subject: &Self::Ref, changes: &[Self::Change], out: &mut BytesMut);

    /// Says that nothing changed.
    fn progress(subject: &Self::Ref, view: &Self::View) -> Self::Update;

    /// Puts an update into a message.
    fn message(
        revision: Revision,
        resume_token: String,
        update: Option<Self::Update>,
    ) -> Self::Message;
}
