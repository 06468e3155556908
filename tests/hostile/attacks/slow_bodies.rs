//! Requests whose bodies come a byte at a time, renewed when they are given up.

use futures_util::FutureExt as _;

use crate::{
    attack::{Attack, From, dribble, many},
    front::Front,
};

const ATTACKERS: usize = 1_100;

const HEAD: &[u8] = b"POST /webhooks/zego HTTP/1.1\r\nhost: h\r\ncontent-length: 200000\r\n\r\n{";

pub(crate) const BY_STRANGERS: Attack = Attack {
    name: "slow bodies",
    memory_max: 128,
    run: |to| {
        let once = move |attacker| post_slowly(From::Strangers(8), attacker, to.webhook);
        many(ATTACKERS, once).boxed()
    },
    ..Attack::ON_EMPTY
};

pub(crate) const BEHIND_THE_PROXY: Attack = Attack {
    name: "slow bodies behind the proxy",
    memory_max: 128,
    run: |to| {
        let once = move |attacker| post_slowly(From::Prober, attacker, to.webhook);
        many(ATTACKERS, once).boxed()
    },
    ..Attack::ON_EMPTY
};

async fn post_slowly(from: From, attacker: usize, to: Front) {
    if let Ok(stream) = from.connect(attacker, to).await {
        dribble(stream, HEAD, b" ").await;
    }
}
