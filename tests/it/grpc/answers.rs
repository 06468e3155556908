//! Answers and messages that are encoded once for several clients: they are the same as if
//! encoded for each.

use std::{pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt as _};
use headcount::{
    grpc::{GrpcMetrics, Outgoing, Presence, PresenceService as _, request_from_within},
    net::Readiness,
    pb::{GetRoomUsersRequest, GetRoomUsersResponse, WatchRoomRequest, WatchRoomResponse},
};
use tokio::time::Instant;
use tokio_test::task;
use tonic::Status;

use crate::common::in_process::{PROGRESS_INTERVAL, Server, World, next, room};

fn all_users(page_size: u32) -> GetRoomUsersRequest {
    GetRoomUsersRequest {
        room_id: "r".to_owned(),
        page_size,
        ..GetRoomUsersRequest::default()
    }
}

/// The answer that may have been kept, and one that was made for this.
async fn both(server: &Server) -> (GetRoomUsersResponse, GetRoomUsersResponse) {
    let kept = server.users(all_users(0)).await.unwrap();
    (kept, server.users(all_users(100_000)).await.unwrap())
}

#[tokio::test]
async fn an_answer_that_is_kept_is_that_of_now() {
    let server = Server::new(World::new()).await;
    let world = &server.world;
    world.login_all("r", 0..500);
    let (first, made) = both(&server).await;
    assert_eq!(first, made);
    assert_eq!(first.users.len(), 500);
    // No user came or went, but the room changed.
    world.send(|at| vec![room("r").created(at)]);
    let (kept, made) = both(&server).await;
    assert_eq!(kept, made);
    assert_ne!(kept.room, first.room);
    assert!(kept.revision > first.revision);

    world.logout("r", "7");
    let (fewer, made) = both(&server).await;
    assert_eq!(fewer, made);
    assert_eq!(fewer.users.len(), 499);
    world.close(&room("r"));
    let (closed, made) = both(&server).await;
    assert_eq!(closed, made);
    assert_eq!(closed.users.len(), 0);
}

#[tokio::test]
async fn every_watcher_is_sent_the_same() {
    let server = Server::new(World::new()).await;
    let mut watches = Vec::new();
    for _ in 0..3 {
        let mut watch = server.watch("r", "").await.unwrap();
        next(&mut watch).await;
        watches.push(watch);
    }
    for user in ["ann", "bob"] {
        server.world.login("r", user);
        let mut messages = Vec::new();
        for watch in &mut watches {
            messages.push(next(watch).await);
        }
        assert!(messages.iter().all(|message| *message == messages[0]));
    }
}

/// What is told to all watchers of a room is encoded for the first of them.
#[tokio::test]
async fn watchers_share_the_bytes_that_they_are_sent() {
    let world = World::new();
    let presence = presence(&world);
    let mut watches = [watch(&presence).await, watch(&presence).await];
    for watch in &mut watches {
        watch.next().await.unwrap().unwrap();
    }
    for users in [&["ann"][..], &["bob", "eve"]] {
        for user in users {
            world.login("r", user);
        }
        let mut sent = Vec::new();
        for watch in &mut watches {
            match watch.next().await.unwrap().unwrap() {
                Outgoing::Encoded(mut pieces) => sent.push(pieces.next().unwrap()),
                Outgoing::Message(message) => panic!("{message:?}"),
            }
        }
        assert_eq!(sent[0].as_ptr(), sent[1].as_ptr(), "{users:?}");
    }
}

#[tokio::test]
async fn called_in_process_it_says_what_it_says_over_the_wire() {
    let server = Server::new(World::new()).await;
    server.world.login_all("r", 0..200);
    let presence = presence(&server.world);
    let answer = presence
        .get_room_users(request_from_within(all_users(0)))
        .await;
    let over_the_wire = server.users(all_users(0)).await.unwrap();
    assert_eq!(message(answer.unwrap().into_inner()), over_the_wire);

    let mut here = watch(&presence).await;
    let mut there = server.watch("r", "").await.unwrap();
    for user in ["ann", "bob"] {
        let told = here.next().await.unwrap().unwrap();
        assert_eq!(message(told), next(&mut there).await);
        server.world.login("r", user);
    }
}

/// A receiver that is too slow keeps the connection from asking for more.
#[tokio::test(start_paused = true)]
async fn a_watch_that_is_not_asked_for_more_holds_up_no_other() {
    let world = World::new();
    let presence = presence(&world);
    let (mut stalled, mut other) = (watch(&presence).await, watch(&presence).await);
    for n in 0..64 {
        stalled.next().await.unwrap().unwrap();
        other.next().await.unwrap().unwrap();
        world.login("r", &n.to_string());
    }
    let mut stalled = task::spawn(stalled);
    while stalled.poll_next().is_ready() {}
    let begun = Instant::now();
    for n in 64..100 {
        other.next().await.unwrap().unwrap();
        world.login("r", &n.to_string());
    }
    assert!(begun.elapsed() < PROGRESS_INTERVAL);
}

fn message<M: prost::Message + Default>(outgoing: Outgoing<M>) -> M {
    outgoing.into_message().unwrap()
}

fn presence(world: &World) -> Presence {
    Presence::new(
        Arc::clone(&world.roster),
        Readiness::new(true),
        PROGRESS_INTERVAL,
        10,
        GrpcMetrics::default(),
    )
}

async fn watch(
    presence: &Presence,
) -> Pin<Box<dyn Stream<Item = Result<Outgoing<WatchRoomResponse>, Status>> + Send>> {
    let request = WatchRoomRequest {
        room_id: "r".to_owned(),
        ..WatchRoomRequest::default()
    };
    let watch = presence.watch_room(request_from_within(request)).await;
    Box::pin(watch.unwrap().into_inner())
}
