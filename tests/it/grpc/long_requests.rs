//! Requests that announce a message which does not come.

use std::pin::pin;

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::{Builder, SendRequest};
use http::{HeaderMap, Request};
use tokio::time::{Duration, timeout};

use crate::common::in_process::{Server, World};

/// What the pipe of a connection holds.
const PIPE_BYTES: usize = 1024 * 1024;

/// Longer than any request, and the longest that the library takes by itself.
const ANNOUNCED: u32 = 4 * 1024 * 1024;

/// A method of each service that takes messages, and how a call ends whose message is too long:
/// `OUT_OF_RANGE`. Reflection ends its answers, and says nothing.
const METHODS: [(&str, &str); 5] = [
    ("/headcount.v1.PresenceService/GetRoomUsers", "11"),
    ("/headcount.v1.PresenceService/WatchRoom", "11"),
    ("/grpc.health.v1.Health/Check", "11"),
    (
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "0",
    ),
    (
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        "0",
    ),
];

/// Before that a call that waits for its message does not end by itself.
const WAITS: Duration = Duration::from_secs(9);

/// How a call ends whose message does not come: `DEADLINE_EXCEEDED`. Reflection says nothing here
/// either.
fn late(too_long: &str) -> &str {
    if too_long == "0" { "0" } else { "4" }
}

async fn connect(server: &Server) -> SendRequest<Bytes> {
    let pipe = server.pipe(PIPE_BYTES);
    let (requests, connection) = Builder::new().handshake(pipe).await.unwrap();
    // It ends with the test's runtime.
    tokio::spawn(connection);
    requests
}

/// Announces a message of so many bytes. Returns how the call ends.
async fn announce(requests: &SendRequest<Bytes>, path: &str, length: u32) -> HeaderMap {
    let mut prefix = BytesMut::new();
    prefix.put_u8(0);
    prefix.put_u32(length);
    let request = Request::post(format!("http://server{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let mut requests = requests.clone().ready().await.unwrap();
    let (answer, mut sending) = requests.send_request(request, false).unwrap();
    sending.send_data(prefix.freeze(), false).unwrap();
    let answer = answer.await.unwrap();
    if answer.headers().contains_key("grpc-status") {
        return answer.headers().clone();
    }
    let trailers = answer.into_body().trailers().await.unwrap();
    trailers.expect("a status")
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_long_is_refused_when_its_length_is_known() {
    let server = Server::new(World::new()).await;
    let requests = connect(&server).await;
    for (path, status) in METHODS {
        let ends = timeout(WAITS, announce(&requests, path, ANNOUNCED)).await;
        let ends = ends.unwrap_or_else(|_| panic!("{path} waits for the message"));
        assert_eq!(ends["grpc-status"], status, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_come_ends_the_call() {
    let server = Server::new(World::new()).await;
    let requests = connect(&server).await;
    for (path, too_long) in METHODS {
        let mut call = pin!(announce(&requests, path, 100));
        assert!(
            timeout(WAITS, &mut call).await.is_err(),
            "{path} does not wait"
        );
        let ends = timeout(WAITS, call).await;
        let ends = ends.unwrap_or_else(|_| panic!("{path} waits for ever"));
        assert_eq!(ends["grpc-status"], late(too_long), "{path}");
    }
    assert_eq!(server.metrics.requests_late.get(), METHODS.len() as u64);
}
