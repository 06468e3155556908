//! A page of a room's users, encoded as it is put together: there can be many.

use bytes::{Bytes, BytesMut};
use prost::Message as _;

use super::{
    convert::{RoomRef, write_user},
    outgoing::put_field_head,
    page::{ITEM_OVERHEAD, PAGE_BYTES_MAX},
    token::UsersToken,
};
use crate::{
    pb,
    reconcile::room::{MemberKey, RoomView},
};

/// The field of `GetRoomUsersResponse` that lists users.
const USERS_TAG: u32 = 2;

/// A page of a room's users.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// The field `users` of the answer.
    pub(super) users: Bytes,
    pub(super) next_page_token: String,
}

impl Listed {
    /// Whether it goes into one answer with a head of this length.
    pub(super) fn fits(&self, head_bytes: usize) -> bool {
        self.users.len() + head_bytes <= PAGE_BYTES_MAX
    }
}

/// Takes as many users as fit beside a head of this length, at least one if there is
/// any.
pub(super) fn list_users(
    room: &RoomRef,
    view: &RoomView,
    after: Option<&MemberKey>,
    items_max: usize,
    head_bytes: usize,
) -> Listed {
    let bytes_max = PAGE_BYTES_MAX.saturating_sub(head_bytes);
    let mut users = BytesMut::new();
    let mut user = pb::RoomUser::default();
    let mut last = None;
    let mut go_on_after = None;
    for (listed, member) in view.members.after(after).enumerate() {
        write_user(member, &mut user);
        let length = user.encoded_len();
        let is_full = listed == items_max || users.len() + length + ITEM_OVERHEAD > bytes_max;
        if is_full && last.is_some() {
            go_on_after = last;
            break;
        }
        put_field_head(USERS_TAG, length, &mut users);
        user.encode_raw(&mut users);
        last = Some(member);
    }
    let incarnation = view.summary.incarnation.clone();
    let next_page = go_on_after.zip(incarnation).map(|(member, incarnation)| {
        let after = MemberKey::from(member);
        UsersToken { incarnation, after }.encode(room.app.as_str(), room.room.as_str())
    });
    Listed {
        users: users.freeze(),
        next_page_token: next_page.unwrap_or_default(),
    }
}
