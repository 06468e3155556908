//! More connections than there are places, with heads that come a byte at a time.

use futures_util::FutureExt as _;

use crate::{
    attack::{Attack, From, dribble, many},
    front::Front,
};

const ATTACKERS: usize = 4_200;

pub(crate) const BY_STRANGERS: Attack = Attack {
    name: "slow heads",
    memory_max: 256,
    run: |to| {
        let once = move |attacker| ask_slowly(From::Strangers(16), attacker, to.webhook);
        many(ATTACKERS, once).boxed()
    },
    ..Attack::ON_EMPTY
};

pub(crate) const BEHIND_THE_PROXY: Attack = Attack {
    name: "slow heads behind the proxy",
    memory_max: 256,
    run: |to| {
        let once = move |attacker| ask_slowly(From::Prober, attacker, to.webhook);
        many(ATTACKERS, once).boxed()
    },
    ..Attack::ON_EMPTY
};

async fn ask_slowly(from: From, attacker: usize, to: Front) {
    if let Ok(stream) = from.connect(attacker, to).await {
        dribble(stream, b"POST /webhooks/zego HTTP/1.1\r\nhost: ", b"h").await;
    }
}
