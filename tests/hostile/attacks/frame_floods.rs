//! Frames that belong to no request, as fast as they are taken, to both fronts that speak HTTP/2.

use futures_util::{FutureExt as _, future::BoxFuture};

use crate::{
    attack::{Attack, From, many},
    front::Front,
    http2::{Frame, Http2},
    target::Addresses,
};

/// To each front.
const CONNECTIONS: usize = 4;

const MEMORY_MAX: u64 = 128;

pub(crate) const PING: Attack = Attack {
    name: "flood of PING",
    memory_max: MEMORY_MAX,
    run: |to| {
        flood(
            to,
            Frame {
                kind: 6,
                flags: 0,
                payload: b"headcoun",
            },
        )
    },
    ..Attack::ON_EMPTY
};

pub(crate) const SETTINGS: Attack = Attack {
    name: "flood of SETTINGS",
    memory_max: MEMORY_MAX,
    run: |to| {
        flood(
            to,
            Frame {
                kind: 4,
                flags: 0,
                payload: b"",
            },
        )
    },
    ..Attack::ON_EMPTY
};

pub(crate) const PRIORITY: Attack = Attack {
    name: "flood of PRIORITY",
    memory_max: MEMORY_MAX,
    run: |to| {
        flood(
            to,
            Frame {
                kind: 2,
                flags: 0,
                payload: b"\0\0\0\x02\x10",
            },
        )
    },
    ..Attack::ON_EMPTY
};

pub(crate) const WINDOW_UPDATE: Attack = Attack {
    name: "flood of WINDOW_UPDATE",
    memory_max: MEMORY_MAX,
    run: |to| {
        flood(
            to,
            Frame {
                kind: 8,
                flags: 0,
                payload: b"\0\0\0\x01",
            },
        )
    },
    ..Attack::ON_EMPTY
};

fn flood(to: Addresses, frame: Frame) -> BoxFuture<'static, ()> {
    let once = move |attacker| async move {
        let to = if attacker < CONNECTIONS {
            to.webhook
        } else {
            to.grpc
        };
        send_frames(attacker, to, frame).await;
    };
    many(2 * CONNECTIONS, once).boxed()
}

async fn send_frames(attacker: usize, to: Front, frame: Frame) {
    let Ok(stream) = From::Strangers(2).connect(attacker, to).await else {
        return;
    };
    let mut http2 = Http2::new(stream);
    // PRIORITY is of a stream, the others are of the connection.
    let stream_id = u32::from(frame.kind == 2);
    let frames = frame.on(stream_id).repeat(1_000);
    while http2.send(&frames).await.is_ok() {}
}
