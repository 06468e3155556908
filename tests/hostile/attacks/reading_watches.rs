//! Watches of a large room by a client that reads all that it gets: no attack, but as much work.

use std::sync::Arc;

use futures_util::FutureExt as _;
use headcount::pb::WatchRoomRequest;

use crate::{
    attack::{Attack, many},
    child::TENCENT_APP,
    crowd::{self, ROOM},
    grpc::{Grpc, WINDOW_BYTES, completes, read},
    target::Addresses,
};

/// As many as one connection may have.
const WATCHES: usize = 1_000;

pub(crate) const OF_ONE_CONNECTION: Attack = Attack {
    name: "watches that are read",
    memory_max: 256,
    fill: |to| crowd::enter(to, 10_000).boxed(),
    run: |to| watch_again_and_again(to).boxed(),
    shows: Some("headcount_sends_waited_total"),
    ..Attack::ON_EMPTY
};

async fn watch_again_and_again(to: Addresses) {
    let grpc = Grpc::connect(0, to.grpc, WINDOW_BYTES).await.unwrap();
    let grpc = Arc::new(grpc);
    let once = move |_| {
        let grpc = Arc::clone(&grpc);
        async move { read_snapshot(&grpc).await }
    };
    many(WATCHES, once).await;
}

async fn read_snapshot(grpc: &Grpc) {
    let request = WatchRoomRequest {
        app: TENCENT_APP.to_owned(),
        room_id: ROOM.to_owned(),
        ..WatchRoomRequest::default()
    };
    if let Some(watch) = grpc.call("WatchRoom", &request).await {
        read(watch, completes).await;
    }
}
