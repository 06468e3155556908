//! A large room that others watch is destroyed again and again, each time before most of its
//! users came (Tencent). A few hundred bytes must not make the service tell all watchers of all
//! users.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use headcount::pb::WatchRoomRequest;
use serde_json::json;
use tokio::{sync::mpsc, task::JoinSet, time::sleep};

use crate::{
    attack::Attack,
    child::{Post, TENCENT_APP, now, tencent},
    crowd::{self, ROOM},
    grpc::{Grpc, WINDOW_BYTES, completes, read},
    load::post_all,
    target::Addresses,
};

const USERS: usize = 100_000;
const WATCHERS: usize = 20;

/// How often, and how many at a time. All of that takes some seconds.
const ROUNDS: usize = 20;
const DESTROYS_EACH: usize = 10;
const PAUSE: Duration = Duration::from_millis(250);

/// How long before the others those came whom a destroy ends, in milliseconds. It is less than a
/// callback may be late.
const EARLIER: u64 = 60_000;

pub(crate) const OF_A_WATCHED_ROOM: Attack = Attack {
    name: "late destroys of a watched room",
    memory_max: 384,
    fill: |to| crowd::enter(to, USERS).boxed(),
    run: |to| destroy_before_watchers(to).boxed(),
    restarts_as: Some(|to| {
        async move {
            crowd::enter(to, USERS).await;
            let enters = |number: usize| tencent("other", &number.to_string(), now(), true);
            post_all(to.webhook, 2 * ROUNDS * DESTROYS_EACH, enters).await;
        }
        .boxed()
    }),
    ..Attack::ON_EMPTY
};

async fn destroy_before_watchers(to: Addresses) {
    let grpc = Arc::new(Grpc::connect(0, to.grpc, WINDOW_BYTES).await.unwrap());
    let (begun, mut began) = mpsc::channel(WATCHERS);
    let mut watchers = JoinSet::new();
    for _ in 0..WATCHERS {
        let (grpc, begun) = (Arc::clone(&grpc), begun.clone());
        watchers.spawn(async move { follow(&grpc, begun).await });
    }
    for _ in 0..WATCHERS {
        began.recv().await;
    }
    let earlier = now() - EARLIER;
    for round in 0..ROUNDS {
        let callback = move |number: usize| {
            let at = earlier + (2 * DESTROYS_EACH * round + number) as u64;
            match number % 2 {
                0 => tencent(ROOM, &format!("early-{round}-{number}"), at, true),
                _ => destroy(at),
            }
        };
        post_all(to.webhook, 2 * DESTROYS_EACH, callback).await;
        sleep(PAUSE).await;
    }
}

/// Watches the room, reads all that it is told, and says when it has the room.
async fn follow(grpc: &Grpc, begun: mpsc::Sender<()>) {
    let request = WatchRoomRequest {
        app: TENCENT_APP.to_owned(),
        room_id: ROOM.to_owned(),
        ..WatchRoomRequest::default()
    };
    let Some(watch) = grpc.call("WatchRoom", &request).await else {
        return;
    };
    let mut begun = Some(begun);
    let told = |message: &[u8]| {
        if completes(message)
            && let Some(begun) = begun.take()
        {
            let _ = begun.try_send(());
        }
        false
    };
    read(watch, told).await;
}

fn destroy(at: u64) -> Post {
    let body = json!({
        "CallbackCommand": "Room.CallbackAfterDestroyRoom",
        "RoomId": ROOM,
        "EventTime": at,
    });
    Post {
        body: body.to_string(),
        ..tencent(ROOM, "", 0, true)
    }
}
