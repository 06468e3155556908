//! The longest lists there are, asked for by many at once and read.

use std::sync::Arc;

use futures_util::FutureExt as _;
use headcount::pb::{GetUserRequest, ListRoomsRequest};

use crate::{
    attack::{Attack, many},
    child::TENCENT_APP,
    crowd::{self, EVERYWHERE},
    grpc::{Grpc, WINDOW_BYTES, read},
    target::Addresses,
};

const ROOMS: usize = 100_000;

/// How many ask at once for all rooms, and how many for all rooms of one user.
const CALLERS: usize = 128;

pub(crate) const OF_ROOMS: Attack = Attack {
    name: "lists of 100,000 rooms",
    memory_max: 384,
    fill: |to| crowd::enter_rooms(to, ROOMS).boxed(),
    run: |to| ask_again_and_again(to).boxed(),
    shows: Some("headcount_heavy_calls_refused_total"),
    ..Attack::ON_EMPTY
};

async fn ask_again_and_again(to: Addresses) {
    let grpc = Grpc::connect(0, to.grpc, WINDOW_BYTES).await.unwrap();
    let grpc = Arc::new(grpc);
    let once = move |caller| {
        let grpc = Arc::clone(&grpc);
        async move {
            match caller % 2 {
                0 => list_rooms(&grpc).await,
                _ => list_rooms_of_user(&grpc).await,
            }
        }
    };
    many(2 * CALLERS, once).await;
}

async fn list_rooms(grpc: &Grpc) {
    let request = ListRoomsRequest {
        app: TENCENT_APP.to_owned(),
        page_size: u32::MAX,
        ..ListRoomsRequest::default()
    };
    if let Some(answer) = grpc.call("ListRooms", &request).await {
        read(answer, |_| true).await;
    }
}

async fn list_rooms_of_user(grpc: &Grpc) {
    let request = GetUserRequest {
        app: TENCENT_APP.to_owned(),
        user_id: EVERYWHERE.to_owned(),
        page_size: u32::MAX,
        ..GetUserRequest::default()
    };
    if let Some(answer) = grpc.call("GetUser", &request).await {
        read(answer, |_| true).await;
    }
}
