//! Connections that say nothing, to every front.

use futures_util::FutureExt as _;

use crate::attack::{Attack, From, dribble, many};

/// To the webhook front and to gRPC, each.
const ATTACKERS: usize = 1_000;
/// More than the admin front has places.
const ADMIN_ATTACKERS: usize = 32;

pub(crate) const TO_ALL_FRONTS: Attack = Attack {
    name: "silent connections",
    memory_max: 256,
    run: |to| {
        let silent = move |attacker| async move {
            let to = match attacker {
                0..ATTACKERS => to.webhook,
                attacker if attacker < 2 * ATTACKERS => to.grpc,
                _ => to.admin,
            };
            if let Ok(stream) = From::Strangers(16).connect(attacker, to).await {
                dribble(stream, b"", b"").await;
            }
        };
        many(2 * ATTACKERS + ADMIN_ATTACKERS, silent).boxed()
    },
    ..Attack::ON_EMPTY
};
