//! Requests that are cancelled before they are answered: an honest client may cancel many, and
//! loses nothing else on its connection; a flood of them ends the connection. Time is paused, so
//! that nothing refills what a client may cancel.

use headcount::{
    net::PENDING_RESETS_MAX,
    pb::{GetRoomUsersRequest, WatchRoomRequest, WatchRoomResponse},
};
use prost::Message as _;
use tokio::io::DuplexStream;

use crate::common::{
    in_process::{STREAMS_MAX, Server, World, next},
    raw_http2::RawHttp2,
};

const WATCH_ROOM: &str = "/headcount.v1.PresenceService/WatchRoom";
const GET_ROOM_USERS: &str = "/headcount.v1.PresenceService/GetRoomUsers";

/// What the pipe of a connection holds. More than is sent at once.
const PIPE_BYTES: usize = 1024 * 1024;

/// A flood is of so many requests, unless it is stopped before.
const FLOOD: usize = 20_000;

type Client = RawHttp2<DuplexStream>;

async fn connect(server: &Server) -> Client {
    RawHttp2::connect(server.pipe(PIPE_BYTES)).await
}

fn watch(client: &mut Client) -> u32 {
    let request = WatchRoomRequest {
        room_id: "r".to_owned(),
        ..WatchRoomRequest::default()
    };
    client.call(WATCH_ROOM, &request)
}

fn ask(client: &mut Client) -> u32 {
    let request = GetRoomUsersRequest {
        room_id: "r".to_owned(),
        ..GetRoomUsersRequest::default()
    };
    client.call(GET_ROOM_USERS, &request)
}

async fn revision(client: &mut Client, stream: u32) -> u64 {
    let message = client.message(stream).await;
    WatchRoomResponse::decode(&*message).unwrap().revision
}

/// Waits until the tasks of all cancelled requests have noticed.
async fn settle(server: &Server, cancelled: u64) {
    let noticed = || server.metrics.connections.requests_cancelled.get();
    // Only not to wait for ever where it fails: time is paused.
    for _ in 0..100_000 {
        if noticed() >= cancelled {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{} of {cancelled} have noticed", noticed());
}

#[tokio::test(start_paused = true)]
async fn all_that_a_client_may_open_it_may_cancel_at_once_and_lose_nothing_else() {
    for at_once in [64, u64::from(STREAMS_MAX) - 1] {
        let server = Server::starting(World::new(), 1000).await;
        server.ready.set(true);
        let mut client = connect(&server).await;
        let stays = watch(&mut client);
        assert!(client.send().await);
        assert_eq!(revision(&mut client, stays).await, 0);
        for round in 1..=20 {
            for _ in 0..at_once {
                let stream = watch(&mut client);
                client.cancel(stream);
            }
            assert!(client.send().await);
            settle(&server, round * at_once).await;
            let told = server.world.login("r", &round.to_string());
            assert_eq!(revision(&mut client, stays).await, told);
        }
        let metrics = &server.metrics;
        assert_eq!(metrics.connections.requests_cancelled.get(), 20 * at_once);
        assert_eq!(metrics.connections.ended.get(), 0);
        assert_eq!(metrics.watches_open(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answered_request_is_cancelled_at_no_cost() {
    let server = Server::starting(World::new(), 1000).await;
    server.ready.set(true);
    server.world.login("r", "ann");
    let mut client = connect(&server).await;
    // More than may be cancelled unanswered.
    for _ in 0..u64::from(STREAMS_MAX) * 32 / 100 + 1 {
        let streams: Vec<_> = (0..100).map(|_| watch(&mut client)).collect();
        assert!(client.send().await);
        for stream in streams {
            // They come in the order in which they were asked for.
            assert_eq!(revision(&mut client, stream).await, 1);
            client.cancel(stream);
        }
    }
    assert!(client.send().await);
    let last = ask(&mut client);
    assert!(client.send().await);
    client.message(last).await;
    assert_eq!(server.metrics.connections.requests_cancelled.get(), 0);
}

/// Begins and cancels requests, and waits for the server to end the connection.
async fn flood(client: &mut Client, begin: impl Fn(&mut Client) -> u32) {
    for _ in 0..FLOOD {
        let stream = begin(client);
        client.cancel(stream);
    }
    client.send().await;
    while client.read().await.is_some() {}
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_cancelled_requests_is_stopped_whatever_they_ask() {
    let server = Server::new(World::new()).await;
    let mut honest = server.watch("r", "").await.unwrap();
    next(&mut honest).await;
    let begins: [fn(&mut Client) -> u32; 3] = [watch, ask, Client::shortest];
    for (stopped, begin) in (1..).zip(begins) {
        let mut client = connect(&server).await;
        flood(&mut client, begin).await;
        assert_eq!(server.metrics.connections.ended.get(), stopped);
    }
    let told = server.world.login("r", "ann");
    assert_eq!(next(&mut honest).await.revision, told);
}

async fn begin_and_cancel(client: &mut Client, requests: usize) {
    for _ in 0..requests {
        let stream = client.shortest();
        client.cancel(stream);
    }
    assert!(client.send().await);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_cancels_a_few_at_a_time_is_stopped_when_it_was_too_many() {
    let server = Server::new(World::new()).await;
    let mut client = connect(&server).await;
    for n in 1..=32 * u64::from(STREAMS_MAX) / 100 {
        begin_and_cancel(&mut client, 100).await;
        settle(&server, n * 100).await;
    }
    assert_eq!(server.metrics.connections.ended.get(), 0);
    begin_and_cancel(&mut client, 1).await;
    while client.read().await.is_some() {}
    assert_eq!(server.metrics.connections.ended.get(), 1);
}

// With many streams the budget of a connection is above the limit of h2, which ends the
// connection without a word. It is reached if h2 may read all that has come in one turn.
#[tokio::test(start_paused = true)]
async fn h2_hands_requests_over_before_its_own_limit_is_reached() {
    let server = Server::with_streams(World::new(), 100, 1024).await;
    server.ready.set(true);
    let bytes = 3 * 25 * PENDING_RESETS_MAX;
    let mut client = RawHttp2::connect(server.pipe(bytes)).await;
    let sent = 2 * PENDING_RESETS_MAX;
    begin_and_cancel(&mut client, sent).await;
    settle(&server, sent as u64).await;
    let last = ask(&mut client);
    assert!(client.send().await);
    client.message(last).await;
    assert_eq!(server.metrics.connections.ended.get(), 0);
}
