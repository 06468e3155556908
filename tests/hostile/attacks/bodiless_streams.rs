//! HTTP/2 connections whose requests never have bodies: many requests for each connection.

use futures_util::FutureExt as _;
use tokio::time::{Duration, sleep};

use crate::{
    attack::{Attack, From, many},
    front::Front,
    http2::{Http2, POST},
};

/// As many as were enough to take all places of requests.
const CONNECTIONS: usize = 9;
/// The most that one connection may have at a time.
const STREAMS: u32 = 128;
/// How often the requests are renewed.
const ROUNDS: u32 = 3;

pub(crate) const BY_STRANGERS: Attack = Attack {
    name: "streams without bodies",
    memory_max: 128,
    run: |to| {
        let once = move |attacker| open_streams(From::Strangers(3), attacker, to.webhook);
        many(CONNECTIONS, once).boxed()
    },
    ..Attack::ON_EMPTY
};

pub(crate) const BEHIND_THE_PROXY: Attack = Attack {
    name: "streams without bodies behind the proxy",
    memory_max: 128,
    run: |to| {
        let once = move |attacker| open_streams(From::Prober, attacker, to.webhook);
        many(CONNECTIONS, once).boxed()
    },
    ..Attack::ON_EMPTY
};

async fn open_streams(from: From, attacker: usize, to: Front) {
    let Ok(stream) = from.connect(attacker, to).await else {
        return;
    };
    let mut http2 = Http2::new(stream);
    let mut frames = Vec::new();
    for round in 0..ROUNDS {
        frames.clear();
        for i in 0..STREAMS {
            frames.extend(POST.on(1 + 2 * (round * STREAMS + i)));
        }
        if http2.send(&frames).await.is_err() {
            return;
        }
        sleep(Duration::from_millis(2_100)).await;
    }
}
