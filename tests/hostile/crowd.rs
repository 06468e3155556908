//! Rooms with many users, and a user in many rooms.

use headcount::pb::GetRoomUsersRequest;
use serde_json::json;

use crate::{
    child::{Post, TENCENT_APP, now, tencent},
    load::post_all,
    target::Addresses,
};

/// The room that attacks are about.
pub(crate) const ROOM: &str = "crowd";

/// The user who is in every room.
pub(crate) const EVERYWHERE: &str = "everywhere";

/// How many users one callback brings.
const USERS_EACH: usize = 1_000;

/// Lets so many users into [`ROOM`]. Each takes about 100 bytes of an answer.
pub(crate) async fn enter(to: Addresses, users: usize) {
    post_all(to.webhook, users.div_ceil(USERS_EACH), move |number| {
        let first = number * USERS_EACH;
        let ids = first..users.min(first + USERS_EACH);
        arrivals(ids.map(|it| format!("{it:080}")).collect())
    })
    .await;
    expect_users(to, users).await;
}

/// Lets [`EVERYWHERE`] into so many rooms.
pub(crate) async fn enter_rooms(to: Addresses, rooms: usize) {
    let enters = |room| tencent(&format!("room-{room:06}"), EVERYWHERE, now(), true);
    post_all(to.webhook, rooms, enters).await;
}

/// Lets one more into [`ROOM`].
pub(crate) async fn change(to: Addresses, number: usize) {
    let enters = move |_| tencent(ROOM, &format!("late-{number}"), now(), true);
    post_all(to.webhook, 1, enters).await;
}

fn arrivals(users: Vec<String>) -> Post {
    let body = json!({
        "CallbackCommand": "Room.CallbackAfterMemberEnter",
        "RoomId": ROOM,
        "MemberList_Account": users,
        "EventTime": now(),
    });
    Post {
        body: body.to_string(),
        ..tencent(ROOM, "", 0, true)
    }
}

/// Checks that so many are in [`ROOM`]: what is attacked has to be there.
async fn expect_users(to: Addresses, users: usize) {
    let request = GetRoomUsersRequest {
        app: TENCENT_APP.to_owned(),
        room_id: ROOM.to_owned(),
        page_size: 1,
        ..GetRoomUsersRequest::default()
    };
    let answer = to
        .client()
        .get_room_users(request)
        .await
        .unwrap()
        .into_inner();
    let present = answer.room.map_or(0, |room| room.user_count);
    assert_eq!(present as usize, users);
}
