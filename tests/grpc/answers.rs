//! Answers and messages that are encoded once: they are as if made for each.

use std::sync::{Arc, atomic::AtomicBool};

use futures_util::StreamExt as _;
use headcount::{
    grpc::{GrpcMetrics, Presence},
    pb::{
        GetRoomUsersRequest, GetRoomUsersResponse, WatchRoomRequest,
        presence_service_server::PresenceService as _,
    },
};
use tonic::Request;

use crate::support::{PROGRESS_INTERVAL, Server, World, next, room};

fn everybody(page_size: u32) -> GetRoomUsersRequest {
    GetRoomUsersRequest {
        room_id: "r".to_owned(),
        page_size,
        ..GetRoomUsersRequest::default()
    }
}

/// The answer that may have been kept, and one that was made for this.
async fn both(server: &Server) -> (GetRoomUsersResponse, GetRoomUsersResponse) {
    let kept = server.users(everybody(0)).await.unwrap();
    (kept, server.users(everybody(100_000)).await.unwrap())
}

#[tokio::test]
async fn an_answer_that_is_kept_is_that_of_now() {
    let server = Server::new(World::new()).await;
    let world = &server.world;
    world.login_all("r", 0..500);
    let (first, made) = both(&server).await;
    assert_eq!(first, made);
    assert_eq!(first.users.len(), 500);
    // Nobody came or went, but the room is not as it was.
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

#[tokio::test]
async fn called_in_process_it_says_what_it_says_over_the_wire() {
    let server = Server::new(World::new()).await;
    server.world.login_all("r", 0..200);
    let presence = Presence::new(
        Arc::clone(&server.world.roster),
        Arc::new(AtomicBool::new(true)),
        PROGRESS_INTERVAL,
        10,
        GrpcMetrics::default(),
    );
    let answer = presence.get_room_users(Request::new(everybody(0))).await;
    let over_the_wire = server.users(everybody(0)).await.unwrap();
    assert_eq!(answer.unwrap().into_inner(), over_the_wire);

    let request = WatchRoomRequest {
        room_id: "r".to_owned(),
        ..WatchRoomRequest::default()
    };
    let here = presence.watch_room(Request::new(request)).await;
    let mut here = here.unwrap().into_inner();
    let mut there = server.watch("r", "").await.unwrap();
    for user in ["ann", "bob"] {
        assert_eq!(here.next().await.unwrap().unwrap(), next(&mut there).await);
        server.world.login("r", user);
    }
}
