//! Callbacks as long as may be, each of which lets tens of thousands of users into a room.

use std::sync::Arc;

use futures_util::{FutureExt as _, future::join_all};
use serde_json::json;

use crate::{
    attack::Attack,
    child::{Post, now, tencent},
    target::Addresses,
};

/// Of the sender, all of which send at once.
const CONNECTIONS: usize = 100;

/// How often each sends. A callback that is refused counts.
const CALLBACKS_EACH: usize = 3;

/// As many as fit into `body_max`.
const USERS: usize = 25_000;

/// Rooms that they are let into: the same users again and again cost as much as new ones.
const ROOMS: usize = 4;

pub(crate) const OF_ONE_SENDER: Attack = Attack {
    name: "callbacks of 25,000 users",
    memory_max: 400,
    run: |to| send(to).boxed(),
    ..Attack::ON_EMPTY
};

async fn send(to: Addresses) {
    // Made once: to make them takes this machine, too, whose honest are watched.
    let callbacks: Arc<[Post]> = (0..ROOMS).map(arrivals).collect();
    let senders = (0..CONNECTIONS).map(|connection| {
        let callbacks = Arc::clone(&callbacks);
        tokio::spawn(async move {
            let sender = to.sender();
            for _ in 0..CALLBACKS_EACH {
                // It may be refused: too many of them wait.
                let _ = sender.post(&callbacks[connection % ROOMS]).await;
            }
        })
    });
    join_all(senders).await;
}

fn arrivals(room: usize) -> Post {
    let users: Vec<_> = (0..USERS).map(|user| format!("{user:06}")).collect();
    let body = json!({
        "CallbackCommand": "Room.CallbackAfterMemberEnter",
        "RoomId": format!("long-{room}"),
        "MemberList_Account": users,
        "EventTime": now(),
    });
    Post {
        body: body.to_string(),
        ..tencent("", "", 0, true)
    }
}
