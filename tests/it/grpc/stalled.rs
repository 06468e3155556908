//! Streams whose clients do not read, by a client without a library that reads for it.

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::{
    Reason, RecvStream,
    client::{Builder, SendRequest},
};
use headcount::pb::{GetRoomUsersRequest, WatchRoomRequest};
use http::Request;
use prost::Message;
use tokio::time::{Duration, Instant, timeout};

use crate::common::in_process::{STALL_TIMEOUT, Server, World, heavy, next, room};

const WATCH_ROOM: &str = "/headcount.v1.PresenceService/WatchRoom";
const GET_ROOM_USERS: &str = "/headcount.v1.PresenceService/GetRoomUsers";

/// What the pipe of a connection holds: all that is sent here.
const PIPE_BYTES: usize = 4 * 1024 * 1024;

/// What a client allows each stream to send before it reads.
const WINDOW_BYTES: u32 = 20 * 1024;

/// A server with a room whose users take about one megabyte.
async fn server() -> Server {
    let server = Server::new(World::new()).await;
    for user in 0..100 {
        let says = |at| vec![room("r").login_as(&format!("{user:03}"), at, &heavy(10_000))];
        server.world.send(says);
    }
    server
}

async fn connect(server: &Server) -> SendRequest<Bytes> {
    let mut client = Builder::new();
    client
        .initial_window_size(WINDOW_BYTES)
        .initial_connection_window_size(PIPE_BYTES as u32);
    let (requests, connection) = client.handshake(server.pipe(PIPE_BYTES)).await.unwrap();
    // It answers pings, and ends with the test's runtime.
    tokio::spawn(connection);
    requests
}

/// Calls a method. Nothing of the body is read yet.
async fn call(requests: &SendRequest<Bytes>, path: &str, message: &impl Message) -> RecvStream {
    let mut body = BytesMut::new();
    body.put_u8(0);
    body.put_u32(u32::try_from(message.encoded_len()).unwrap());
    message.encode(&mut body).unwrap();
    let request = Request::post(format!("http://server{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let mut requests = requests.clone().ready().await.unwrap();
    let (answer, mut sending) = requests.send_request(request, false).unwrap();
    sending.send_data(body.freeze(), true).unwrap();
    answer.await.unwrap().into_body()
}

fn ask() -> GetRoomUsersRequest {
    GetRoomUsersRequest {
        room_id: "r".to_owned(),
        ..GetRoomUsersRequest::default()
    }
}

fn watch() -> WatchRoomRequest {
    WatchRoomRequest {
        room_id: "r".to_owned(),
        ..WatchRoomRequest::default()
    }
}

/// Reads until the stream ends: how many bytes came, and why it ended if not in order.
async fn read_to_end(body: &mut RecvStream) -> (usize, Option<Reason>) {
    let mut bytes = 0;
    while let Some(read) = body.data().await {
        match read {
            Ok(read) => bytes += read.len(),
            Err(error) => return (bytes, error.reason()),
        }
    }
    (bytes, None)
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_client_takes_nothing_ends_and_others_stay() {
    let server = server().await;
    let mut other = server.watch("other", "").await.unwrap();
    next(&mut other).await;
    let requests = connect(&server).await;
    let began = Instant::now();
    let mut answer = call(&requests, GET_ROOM_USERS, &ask()).await;
    let mut watched = call(&requests, WATCH_ROOM, &watch()).await;
    for stream in [&mut answer, &mut watched] {
        // The window is not opened again, however long the client waits.
        let ended = timeout(2 * STALL_TIMEOUT, read_to_end(stream)).await;
        let (bytes, reason) = ended.expect("the stream ends");
        assert_eq!(bytes, WINDOW_BYTES as usize);
        assert_eq!(reason, Some(Reason::CANCEL));
    }
    assert!(began.elapsed() >= STALL_TIMEOUT);
    assert!(began.elapsed() < STALL_TIMEOUT + Duration::from_secs(1));
    assert_eq!(server.metrics.connections.streams_stalled.get(), 2);
    assert_eq!(server.metrics.watches_open(), 1);
    // The connection goes on, and so does a client that reads.
    drop(call(&requests, GET_ROOM_USERS, &ask()).await);
    server.world.login("other", "ann");
    next(&mut other).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_gets_everything() {
    let server = server().await;
    let requests = connect(&server).await;
    let mut answer = call(&requests, GET_ROOM_USERS, &ask()).await;
    let began = Instant::now();
    let (mut bytes, mut held) = (Vec::new(), 0);
    while let Some(read) = answer.data().await {
        let read = read.unwrap();
        bytes.extend_from_slice(&read);
        held += read.len();
        // A piece takes two windows, and so less than the timeout.
        if held >= WINDOW_BYTES as usize / 2 {
            tokio::time::sleep(STALL_TIMEOUT / 10).await;
            answer.flow_control().release_capacity(held).unwrap();
            held = 0;
        }
    }
    assert!(began.elapsed() > 2 * STALL_TIMEOUT);
    let users = headcount::pb::GetRoomUsersResponse::decode(&bytes[5..]).unwrap();
    assert_eq!(users.users.len(), 100);
    let trailers = answer.trailers().await.unwrap().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
}
