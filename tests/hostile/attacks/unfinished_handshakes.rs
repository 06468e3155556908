//! TLS handshakes that never finish, to every front.

use futures_util::FutureExt as _;

use crate::{
    attack::{Attack, From, dribble, many},
    front::Front,
};

/// To the webhook front and to gRPC, each.
const ATTACKERS: usize = 2_500;
/// More than the admin front has places.
const ADMIN_ATTACKERS: usize = 32;

/// The begin of a first message: a record of a handshake of 512 bytes, in which a client says hello.
const HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

pub(crate) const BY_STRANGERS: Attack = Attack {
    name: "unfinished handshakes",
    memory_max: 256,
    run: |to| {
        let begin = move |attacker| async move {
            let to = match attacker {
                0..ATTACKERS => to.webhook,
                attacker if attacker < 2 * ATTACKERS => to.grpc,
                _ => to.admin,
            };
            begin(From::Strangers(16), attacker, to).await;
        };
        many(2 * ATTACKERS + ADMIN_ATTACKERS, begin).boxed()
    },
    ..Attack::ON_EMPTY
};

pub(crate) const BEHIND_THE_PROXY: Attack = Attack {
    name: "unfinished handshakes behind the proxy",
    memory_max: 256,
    run: |to| {
        let begin = move |attacker| begin(From::Prober, attacker, to.webhook);
        many(2 * ATTACKERS, begin).boxed()
    },
    ..Attack::ON_EMPTY
};

/// Begins a handshake, and goes on a byte at a time.
async fn begin(from: From, attacker: usize, to: Front) {
    let Ok(socket) = from.socket(attacker) else {
        return;
    };
    if let Ok(stream) = socket.connect(to.address).await {
        dribble(stream, HELLO, b"h").await;
    }
}
