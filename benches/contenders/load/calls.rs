//! The calls of Headcount, encoded.

use bytes::Bytes;
use headcount::pb::{GetRoomUsersRequest, WatchRoomRequest};
use prost::Message as _;

use super::callback::{APP, room_id};

pub(crate) const GET_ROOM_USERS: &str = "/headcount.v1.PresenceService/GetRoomUsers";
pub(crate) const WATCH_ROOM: &str = "/headcount.v1.PresenceService/WatchRoom";

/// Asks for all users of a room.
pub(crate) fn users_request(room: usize) -> Bytes {
    let request = GetRoomUsersRequest {
        app: APP.into(),
        room_id: room_id(room),
        ..GetRoomUsersRequest::default()
    };
    request.encode_to_vec().into()
}

/// Asks to follow a room.
pub(crate) fn watch_request(room: usize) -> Bytes {
    let request = WatchRoomRequest {
        app: APP.into(),
        room_id: room_id(room),
        resume_token: String::new(),
    };
    request.encode_to_vec().into()
}
