//! Watchers of one room, in the way of each contender.

use std::sync::Arc;

use bytes::Bytes;
use tokio::{sync::mpsc, task::JoinSet};
use tonic::Streaming;

use super::{
    callback::{USER_ID_BYTES, room_id, user_number},
    calls::{WATCH_ROOM, watch_request},
    etcd, grpc,
    resp::{Redis, command},
    sender::ROOM,
    tracker::Tracker,
    wire::visit,
};
use crate::{
    Outcome,
    contender::{Contender, Running},
    serve::BARE_WATCH,
};

/// The connections that all streams share.
pub(crate) const CONNECTIONS: usize = 20;

/// `WatchRoomResponse.changes`, `Changes.changes`, `RoomChange.user_joined`,
/// `UserJoined.user`, `RoomUser.user_id`.
pub(crate) const JOINED: &[u64] = &[4, 1, 1, 1, 1];

/// Watchers, until this is dropped.
#[derive(Debug)]
pub(crate) struct Watchers {
    watching: JoinSet<Outcome<()>>,
}

impl Watchers {
    /// Begins watches, and waits until each has got its first message.
    pub(crate) async fn start(
        contender: Contender,
        running: &Running,
        tracker: &Arc<Tracker>,
        count: usize,
    ) -> Outcome<Self> {
        let mut watching = JoinSet::new();
        let (begun, mut began) = mpsc::channel(count);
        let mut channels = Vec::new();
        for watcher in 0..count {
            let (tracker, begun) = (Arc::clone(tracker), begun.clone());
            if contender == Contender::Redis {
                let redis = Redis::open(running.grpc).await?;
                watching.spawn(subscribe(redis, tracker, begun));
                continue;
            }
            if channels.len() < CONNECTIONS {
                channels.push(grpc::connect(running.grpc).await?);
            }
            let channel = channels[watcher % CONNECTIONS.min(channels.len())].clone();
            let (path, request, fields) = asked(contender);
            let stays_open = contender == Contender::Etcd;
            let stream = grpc::watch(channel, path, request, stays_open).await?;
            watching.spawn(follow(stream, fields, tracker, begun));
        }
        for _ in 0..count {
            tokio::select! {
                _ = began.recv() => {}
                Some(ended) = watching.join_next() => ended??,
            }
        }
        Ok(Self { watching })
    }

    /// Fails if one of them has ended or failed.
    pub(crate) fn check(&mut self) -> Outcome<()> {
        match self.watching.try_join_next() {
            Some(ended) => ended?.and(Err("a watch ended".into())),
            None => Ok(()),
        }
    }
}

/// How a room is watched, and where in a message the users are.
fn asked(contender: Contender) -> (&'static str, Bytes, &'static [u64]) {
    match contender {
        Contender::Etcd => (etcd::WATCH, etcd::watch_room(&room_id(ROOM)), etcd::KEYS),
        Contender::Bare => (BARE_WATCH, Bytes::new(), JOINED),
        _ => (WATCH_ROOM, watch_request(ROOM), JOINED),
    }
}

async fn follow(
    mut stream: Streaming<Bytes>,
    fields: &'static [u64],
    tracker: Arc<Tracker>,
    begun: mpsc::Sender<()>,
) -> Outcome<()> {
    let mut changes = Vec::new();
    let mut is_first = true;
    while let Some(message) = stream.message().await? {
        changes.clear();
        visit(&message, fields, &mut |id| {
            let user = &id[id.len().saturating_sub(USER_ID_BYTES)..];
            changes.extend(user_number(user));
        });
        tracker.received(&changes);
        if std::mem::take(&mut is_first) {
            begun.send(()).await?;
        }
    }
    Err("a stream ended".into())
}

/// Redis knows one subscriber a connection.
async fn subscribe(
    mut redis: Redis,
    tracker: Arc<Tracker>,
    begun: mpsc::Sender<()>,
) -> Outcome<()> {
    let room = room_id(ROOM);
    let mut subscribe = Vec::new();
    command(&mut subscribe, &[b"SUBSCRIBE", room.as_bytes()]);
    redis.send(&subscribe, 1).await?;
    begun.send(()).await?;
    loop {
        // The message is the last of three texts, and begins with the user.
        let reply = redis.reply().await?;
        let message = reply.split(|byte| *byte == b'\n').nth(6);
        let user = message.and_then(|message| user_number(message.get(..USER_ID_BYTES)?));
        tracker.received(user.as_slice());
    }
}
