//! Requests by gRPC whose messages never come, or which never end: many on each connection.

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::time::{Duration, sleep};

use crate::{
    attack::{Attack, From, many},
    front::Front,
    http2::{ASK, Frame, Http2},
    target::Addresses,
};

/// With as many requests as each may have, more than there is memory for.
const CONNECTIONS: usize = 60;
const STREAMS: u32 = 1_000;

/// For longer than a message may take to come.
const LASTS: Duration = Duration::from_secs(11);

const MEMORY_MAX: u64 = 256;

/// The head of a request to the reflection service, which answers message by message.
const REFLECT: Frame = Frame {
    kind: 1,
    flags: 4,
    payload: b"\x83\x86\x04\x39/grpc.reflection.v1.ServerReflection/ServerReflectionInfo\x01\x01h\x0f\x10\x10application/grpc",
};

/// The length of a message of 16,000 bytes, and the first of them.
const PART: Frame = Frame {
    kind: 0,
    flags: 0,
    payload: b"\0\0\0\x3e\x80\x0a",
};

/// Asks the reflection service three times for a file of some KiB.
const QUESTIONS: Frame = Frame {
    kind: 0,
    flags: 0,
    payload: b"\0\0\0\0\x1e\x22\x1cheadcount.v1.PresenceService\
        \0\0\0\0\x1e\x22\x1cheadcount.v1.PresenceService\
        \0\0\0\0\x1e\x22\x1cheadcount.v1.PresenceService",
};

pub(crate) const WITHOUT_MESSAGES: Attack = Attack {
    name: "requests without messages",
    memory_max: MEMORY_MAX,
    run: |to| renew(to, &[ASK]),
    shows: Some("headcount_grpc_requests_displaced_total"),
    ..Attack::ON_EMPTY
};

pub(crate) const WITH_A_PART: Attack = Attack {
    name: "requests with a part of their messages",
    memory_max: MEMORY_MAX,
    run: |to| renew(to, &[ASK, PART]),
    shows: Some("headcount_grpc_requests_displaced_total"),
    ..Attack::ON_EMPTY
};

pub(crate) const WITHOUT_END: Attack = Attack {
    name: "requests without end",
    memory_max: MEMORY_MAX,
    run: |to| renew(to, &[REFLECT, QUESTIONS]),
    shows: Some("headcount_grpc_requests_displaced_total"),
    ..Attack::ON_EMPTY
};

fn renew(to: Addresses, request: &'static [Frame]) -> BoxFuture<'static, ()> {
    let once = move |attacker| begin(attacker, to.grpc, request);
    many(CONNECTIONS, once).boxed()
}

async fn begin(attacker: usize, to: Front, request: &'static [Frame]) {
    let Ok(stream) = From::Strangers(30).connect(attacker, to).await else {
        return;
    };
    let mut http2 = Http2::new(stream);
    let streams = (0..STREAMS).map(|stream| 1 + 2 * stream);
    let requests =
        streams.flat_map(|stream| request.iter().flat_map(move |frame| frame.on(stream)));
    if http2.send(&requests.collect::<Vec<_>>()).await.is_ok() {
        sleep(LASTS).await;
    }
}
