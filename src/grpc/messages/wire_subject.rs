//! A subject that can be watched by gRPC: a room or a user.

use std::fmt;

use bytes::BytesMut;
use prost::Message;

use crate::{
    domain::AppName,
    journal::Revision,
    roster::{SnapshotReason, Watchable},
};

/// A subject whose snapshots, changes and progress can be converted to messages.
pub(in crate::grpc) trait WireSubject: Watchable {
    /// The name of the subject. Messages contain it, but the domain's types do not.
    type Ref: fmt::Debug + Send;
    /// The position at which the next part of a snapshot begins, if the snapshot does not fit
    /// into one message.
    type Cursor: fmt::Debug + Send;
    /// The content of a message: a snapshot, changes or progress.
    type Update;
    /// A message of a watch. Field 1 is the revision, 2 the resume token, and 4 the changes.
    type Message: Message + Default + 'static;

    /// The app of the subject.
    fn app(subject: &Self::Ref) -> &AppName;

    /// As much of a snapshot as fits into one message, and the position after it if more
    /// follows. `after` is the position after the part before.
    fn snapshot_part(
        subject: &Self::Ref,
        view: &Self::View,
        reason: SnapshotReason,
        after: Option<Self::Cursor>,
    ) -> (Self::Update, Option<Self::Cursor>);

    /// Appends the encodings of changes to `out`, each as one item of a message's list of
    /// changes.
    fn encode_changes(subject: &Self::Ref, changes: &[Self::Change], out: &mut BytesMut);

    /// The content of a progress message.
    fn progress(subject: &Self::Ref, view: &Self::View) -> Self::Update;

    /// A message with this content.
    fn message(
        revision: Revision,
        resume_token: String,
        update: Option<Self::Update>,
    ) -> Self::Message;
}
