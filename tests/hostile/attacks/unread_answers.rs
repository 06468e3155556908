//! Calls and watches whose clients answer pings and read nothing.

use futures_util::FutureExt as _;
use h2::client::ResponseFuture;
use headcount::pb::{GetRoomUsersRequest, WatchRoomRequest};

use crate::{
    attack::{Attack, many},
    child::TENCENT_APP,
    crowd::{self, ROOM},
    grpc::Grpc,
    target::Addresses,
};

/// The server may send nothing at all.
const WINDOW_BYTES: u32 = 0;

/// As many as one connection has streams.
const CALLS: usize = 1_024;
/// After how many calls the room changes: what was encoded for one answer is of no use then.
const CALLS_TO_A_CHANGE: usize = 16;

const WATCHING_CONNECTIONS: usize = 2;
/// As many as one connection may have.
const WATCHES: usize = 1_000;

pub(crate) const CALLS_OF_ONE_CONNECTION: Attack = Attack {
    name: "answers that are not read",
    memory_max: 256,
    // All of them take just under the 4 MiB of one answer.
    fill: |to| crowd::enter(to, 40_000).boxed(),
    run: |to| many(1, move |_| call(to)).boxed(),
    shows: Some("headcount_answers_made_late_total"),
    ..Attack::ON_EMPTY
};

pub(crate) const WATCHES_OF_TWO_CONNECTIONS: Attack = Attack {
    name: "watches that are not read",
    memory_max: 256,
    fill: |to| crowd::enter(to, 10_000).boxed(),
    run: |to| many(WATCHING_CONNECTIONS, move |_| watch(to)).boxed(),
    shows: Some("headcount_sends_waited_total"),
    ..Attack::ON_EMPTY
};

/// Calls as often as one connection can, and keeps all of that until the server ends it.
async fn call(to: Addresses) {
    let Some(grpc) = Grpc::connect(0, to.grpc, WINDOW_BYTES).await else {
        return;
    };
    let request = GetRoomUsersRequest {
        app: TENCENT_APP.to_owned(),
        room_id: ROOM.to_owned(),
        ..GetRoomUsersRequest::default()
    };
    let mut unread: Vec<Option<ResponseFuture>> = Vec::new();
    for number in 0..CALLS {
        if number % CALLS_TO_A_CHANGE == 0 {
            crowd::change(to, number).await;
        }
        unread.push(grpc.call("GetRoomUsers", &request).await);
    }
    grpc.closed().await;
}

/// The same with watches.
async fn watch(to: Addresses) {
    let Some(grpc) = Grpc::connect(0, to.grpc, WINDOW_BYTES).await else {
        return;
    };
    let request = WatchRoomRequest {
        app: TENCENT_APP.to_owned(),
        room_id: ROOM.to_owned(),
        ..WatchRoomRequest::default()
    };
    let mut unread: Vec<Option<ResponseFuture>> = Vec::new();
    for _ in 0..WATCHES {
        unread.push(grpc.call("WatchRoom", &request).await);
    }
    grpc.closed().await;
}
