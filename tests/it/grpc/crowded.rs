//! A connection with as many streams in use as it has.

use headcount::pb::{GetRoomUsersRequest, WatchRoomRequest, WatchRoomResponse, WatchUserRequest};
use headcount_client::{Client, Credentials, from_channel};
use tonic::{Code, Status, Streaming};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::common::in_process::{STREAMS_MAX, Server, World};

/// How many streams are kept for calls.
const RESERVED: usize = 24;

/// How many watches one connection of these tests may have.
const WATCHES_MAX: usize = STREAMS_MAX as usize - RESERVED;

async fn server() -> Server {
    let server = Server::starting(World::new(), 10_000).await;
    server.ready.set(true);
    server
}

async fn watch(client: &mut Client) -> Result<Streaming<WatchRoomResponse>, Status> {
    let request = WatchRoomRequest {
        room_id: "r".to_owned(),
        ..WatchRoomRequest::default()
    };
    client
        .watch_room(request)
        .await
        .map(tonic::Response::into_inner)
}

/// Opens all the watches that a connection may have.
async fn fill(client: &mut Client) -> Vec<Streaming<WatchRoomResponse>> {
    let mut watches = Vec::new();
    for _ in 0..WATCHES_MAX {
        watches.push(watch(client).await.unwrap());
    }
    watches
}

#[tokio::test]
async fn calls_are_answered_on_a_connection_that_is_full_of_watches() {
    let server = server().await;
    let mut client = server.client().await;
    let mut watches = fill(&mut client).await;

    let of_room = watch(&mut client).await.unwrap_err();
    let request = WatchUserRequest {
        user_id: "ann".to_owned(),
        ..WatchUserRequest::default()
    };
    let of_user = client.watch_user(request).await.unwrap_err();
    for refused in [of_room, of_user] {
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert!(refused.message().contains("176 watches"), "{refused}");
        assert!(
            refused.message().contains("another connection"),
            "{refused}"
        );
    }
    assert_eq!(server.metrics.connection_watches_refused.get(), 2);
    assert_eq!(server.metrics.watches_refused.get(), 0);

    let request = GetRoomUsersRequest {
        room_id: "r".to_owned(),
        ..GetRoomUsersRequest::default()
    };
    client.get_room_users(request).await.unwrap();
    // Another connection has room of its own.
    watch(&mut server.client().await).await.unwrap();
    watches.pop();
    while let Err(refused) = watch(&mut client).await {
        assert_eq!(refused.code(), Code::ResourceExhausted);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_connection_that_has_all_of_its_streams_in_use_is_counted_once() {
    let server = server().await;
    server.health.tell(&server.ready).await;
    for connections in 1..=2 {
        let channel = server.channel().await;
        let mut health = HealthClient::new(channel.clone());
        let _watches = fill(&mut from_channel(channel, Credentials::none())).await;
        let mut open = Vec::new();
        for n in 1..=RESERVED {
            assert_eq!(
                server.metrics.connections.full.get(),
                connections - 1,
                "{n}"
            );
            let watched = health.watch(HealthCheckRequest::default()).await;
            open.push(watched.unwrap().into_inner());
        }
        assert_eq!(server.metrics.connections.full.get(), connections);
        open.pop();
        // This takes the stream that is free again.
        health.watch(HealthCheckRequest::default()).await.unwrap();
        assert_eq!(server.metrics.connections.full.get(), connections);
    }
}
