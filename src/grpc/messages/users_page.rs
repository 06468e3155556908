//! A page of a room's users. The users are encoded one by one, because there can be many.

use bytes::{Bytes, BytesMut};
use prost::Message as _;

use super::{
    outgoing::{FIELD_HEADER_BYTES_MAX, put_field_header},
    page::PAGE_BYTES_MAX,
    room::{RoomRef, write_user},
    token::UsersToken,
};
use crate::{
    pb,
    reconcile::room::{MemberKey, RoomView},
};

/// The tag of the field of `GetRoomUsersResponse` that lists users.
const USERS_TAG: u32 = 2;

/// A page of a room's users.
#[derive(Clone, Debug)]
pub(in crate::grpc) struct UsersPage {
    /// The encoded field `users` of the answer.
    pub(in crate::grpc) users: Bytes,
    pub(in crate::grpc) next_page_token: String,
}

impl UsersPage {
    /// Whether the page fits into an answer whose other fields take `head_bytes`.
    pub(in crate::grpc) fn fits(&self, head_bytes: usize) -> bool {
        self.users.len() + head_bytes <= PAGE_BYTES_MAX
    }
}

/// Encodes as many of the users after `after` as fit into an answer whose other fields take
/// `head_bytes`; at least one user, if there is any.
pub(in crate::grpc) fn users_page(
    room: &RoomRef,
    view: &RoomView,
    after: Option<&MemberKey>,
    items_max: usize,
    head_bytes: usize,
) -> UsersPage {
    let bytes_max = PAGE_BYTES_MAX.saturating_sub(head_bytes);
    let mut users = BytesMut::new();
    let mut user = pb::RoomUser::default();
    let mut last = None;
    let mut continue_after = None;
    for (listed, member) in view.members.after(after).enumerate() {
        write_user(member, &mut user);
        let length = user.encoded_len();
        let is_full =
            listed == items_max || users.len() + length + FIELD_HEADER_BYTES_MAX > bytes_max;
        if is_full && last.is_some() {
            continue_after = last;
            break;
        }
        put_field_header(USERS_TAG, length, &mut users);
        user.encode_raw(&mut users);
        last = Some(member);
    }
    let incarnation = view.summary.incarnation.clone();
    let next_page = continue_after
        .zip(incarnation)
        .map(|(member, incarnation)| {
            let after = MemberKey::from(member);
            UsersToken { incarnation, after }.encode(room.app.as_str(), room.room.as_str())
        });
    UsersPage {
        users: users.freeze(),
        next_page_token: next_page.unwrap_or_default(),
    }
}
