//! The users of a page, encoded piece by piece.

use bytes::{Bytes, BytesMut};
use prost::Message as _;

use super::{
    outgoing::{FIELD_HEADER_BYTES_MAX, put_field_header},
    pieces::PIECE_BYTES,
    room::write_user,
};
use crate::{
    pb,
    reconcile::room::{MemberKey, Members},
};

/// The tag of the field of `GetRoomUsersResponse` that lists users.
const USERS_TAG: u32 = 2;

/// The usual length of a user, by which the memory of a piece is allocated.
const USER_BYTES_USUAL: usize = 96;

/// The encoded field `users` of a page, in pieces. A clone makes the same pieces again.
///
/// It keeps a snapshot of the room's members, which costs little, and not the pieces.
#[derive(Clone, Debug)]
pub(in crate::grpc) struct UserPieces {
    members: Members,
    /// The last member that was taken; before the first piece, the last of the page before.
    after: Option<MemberKey>,
    users_left: usize,
    bytes_left: usize,
    /// Whether no user was taken yet. The first one is taken even if it is too long.
    is_empty: bool,
    /// Why no more pieces come, when none do.
    end: Option<End>,
}

/// Why a page ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// There are no more members.
    LastMember,
    /// The page has as many users or bytes as it may have.
    Full,
}

impl UserPieces {
    /// The members after `after`, at most `users_max`, in at most `bytes_max` bytes; at least
    /// one, if there is any.
    pub(in crate::grpc) fn new(
        members: Members,
        after: Option<MemberKey>,
        users_max: usize,
        bytes_max: usize,
    ) -> Self {
        Self {
            members,
            after,
            users_left: users_max,
            bytes_left: bytes_max,
            is_empty: true,
            end: None,
        }
    }

    /// The last user of the page, if more members follow. It is known after the last piece.
    pub(in crate::grpc) fn continue_after(self) -> Option<MemberKey> {
        match self.end {
            Some(End::Full) => self.after,
            Some(End::LastMember) | None => None,
        }
    }
}

impl Iterator for UserPieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.end.is_some() {
            return None;
        }
        let usual_bytes = self.members.len() * USER_BYTES_USUAL;
        let mut piece = BytesMut::with_capacity(usual_bytes.min(PIECE_BYTES));
        let mut user = pb::RoomUser::default();
        let mut last = None;
        let mut end = Some(End::LastMember);
        for member in self.members.after(self.after.as_ref()) {
            write_user(member, &mut user);
            let length = user.encoded_len();
            let bytes = length + FIELD_HEADER_BYTES_MAX;
            let is_page_full = self.users_left == 0 || bytes > self.bytes_left;
            if is_page_full && !self.is_empty {
                end = Some(End::Full);
                break;
            }
            if !piece.is_empty() && piece.len() + bytes > PIECE_BYTES {
                end = None;
                break;
            }
            let before = piece.len();
            put_field_header(USERS_TAG, length, &mut piece);
            user.encode_raw(&mut piece);
            self.bytes_left = self.bytes_left.saturating_sub(piece.len() - before);
            self.users_left = self.users_left.saturating_sub(1);
            self.is_empty = false;
            last = Some(member);
        }
        let last = last.map(MemberKey::from);
        self.end = end;
        self.after = last.or_else(|| self.after.take());
        (!piece.is_empty()).then(|| piece.freeze())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::{IncarnationId, Login, Profile, RoomEvent, RoomEventKind, Time},
        reconcile::{
            Rules,
            room::{Room, RoomView},
        },
    };

    /// A room whose users attached data of these lengths to their logins.
    fn room(data_bytes: &[usize]) -> RoomView {
        let (mut room, rules) = (Room::default(), Rules::default());
        for (number, &length) in data_bytes.iter().enumerate() {
            let at = Time::from_millis(1_700_000_000_000 + number as u64);
            let profile = Profile {
                custom_data: "x".repeat(length).as_str().into(),
                ..Profile::default()
            };
            let login = RoomEventKind::Login(Login {
                user: number.to_string().as_str().into(),
                session: "1".into(),
                at,
                profile,
                room_name: None,
                seq: None,
            });
            let event = RoomEvent {
                room: "r".into(),
                incarnation: IncarnationId::from("1"),
                kind: login,
            };
            room.apply(&event, at.unwrap(), &rules);
        }
        room.view(&rules)
    }

    proptest! {
        #[test]
        fn pages_of_pieces_list_every_user_once_and_keep_to_their_limits(
            data_bytes in prop::collection::vec(
                prop_oneof![4 => 0..200usize, 1 => 0..3 * PIECE_BYTES], 0..80),
            users_max in 1..100usize,
            bytes_max in 1..5 * PIECE_BYTES,
        ) {
            let view = room(&data_bytes);
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let members = view.members.clone();
                let mut pieces = UserPieces::new(members, after, users_max, bytes_max);
                let again: Vec<Bytes> = pieces.clone().collect();
                let page: Vec<Bytes> = pieces.by_ref().collect();
                prop_assert_eq!(&page, &again);
                for piece in &page {
                    let users = pb::GetRoomUsersResponse::decode(piece.clone()).unwrap().users;
                    prop_assert!(piece.len() <= PIECE_BYTES || users.len() == 1);
                }
                let bytes = page.concat();
                let users = pb::GetRoomUsersResponse::decode(&*bytes).unwrap().users;
                prop_assert!(users.len() <= users_max);
                prop_assert!(bytes.len() <= bytes_max || users.len() == 1);
                listed.extend(users.into_iter().map(|user| user.user_id));
                after = pieces.continue_after();
                if after.is_none() {
                    break;
                }
            }
            let all: Vec<_> = view.members.iter().map(|it| it.user().as_str().to_owned()).collect();
            prop_assert_eq!(listed, all);
        }
    }
}
