//! What a stream takes on the server if its client does not read.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::{ResponseFuture, SendRequest};
use http::Request;
use prost::Message as _;
use tokio::{net::TcpStream, time};

use super::{fill, present};
use crate::{
    Outcome,
    args::Args,
    contender::{Contender, Running},
    load::{
        calls::{GET_ROOM_USERS, WATCH_ROOM, users_request, watch_request},
        grpc,
        sender::ROOM,
    },
    report::Report,
};

const USERS: usize = 10_000;
const STREAMS: usize = 100;

/// How much of each stream the client lets the server send.
const WINDOW_BYTES: u32 = 1;

/// How long memory is given to come to rest.
const REST: Duration = Duration::from_secs(2);

const CONTENDERS: [(Contender, &str); 1] = [(Contender::Memory, "headcount, memory journal")];

pub(crate) async fn run(args: &Args, report: &mut Report) -> Outcome<()> {
    for (contender, name) in present(args, report, &CONTENDERS) {
        for round in 0..args.repeat {
            eprintln!("streams that are not read, round {}", round + 1);
            for row in [
                "GetRoomUsers, not read",
                "WatchRoom, not read",
                "WatchRoom, read, then idle",
            ] {
                let running = contender.start(args, None).await?;
                fill::room(contender, &running, args.shrunk(USERS)).await?;
                time::sleep(REST).await;
                let before = running.usage().memory;
                let after = match row {
                    "GetRoomUsers, not read" => {
                        unread(&running, GET_ROOM_USERS, &users_request(ROOM)).await?
                    }
                    "WatchRoom, not read" => {
                        unread(&running, WATCH_ROOM, &watch_request(ROOM)).await?
                    }
                    _ => idle(&running).await?,
                };
                let bytes = (after - before) / STREAMS as f64;
                report.add((row, name), "bytes/stream", bytes, None);
            }
        }
    }
    Ok(())
}

/// The server's memory while no stream is read.
async fn unread(running: &Running, path: &'static str, request: &[u8]) -> Outcome<f64> {
    let socket = TcpStream::connect(running.grpc).await?;
    let mut client = h2::client::Builder::new();
    client.initial_window_size(WINDOW_BYTES);
    let (requests, connection) = client.handshake::<_, Bytes>(socket).await?;
    let connection = tokio::spawn(connection);
    let mut requests = requests.ready().await?;
    let mut answers = Vec::new();
    for _ in 0..STREAMS {
        answers.push(call(&mut requests, path, request).await?);
    }
    time::sleep(REST).await;
    let memory = running.usage().memory;
    connection.abort();
    Ok(memory)
}

/// Calls a method. The answer's bytes are not read as long as the answer is kept.
async fn call(
    requests: &mut SendRequest<Bytes>,
    path: &'static str,
    message: &[u8],
) -> Outcome<ResponseFuture> {
    let mut body = BytesMut::new();
    body.put_u8(0);
    body.put_u32(u32::try_from(message.len())?);
    body.put_slice(message);
    let request = Request::post(format!("http://headcount{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())?;
    let (answer, mut sending) = requests.send_request(request, false)?;
    sending.send_data(body.freeze(), true)?;
    *requests = requests.clone().ready().await?;
    Ok(answer)
}

/// The server's memory after each watch had its snapshot.
async fn idle(running: &Running) -> Outcome<f64> {
    let channel = grpc::connect(running.grpc).await?;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let request = watch_request(ROOM);
        streams.push(grpc::watch(channel.clone(), WATCH_ROOM, request, false).await?);
    }
    for stream in &mut streams {
        // Only the last part of a snapshot has a resume token. It comes before the update.
        while let Some(part) = stream.message().await? {
            let told = headcount::pb::WatchRoomResponse::decode(part)?;
            if !told.resume_token.is_empty() {
                break;
            }
        }
    }
    time::sleep(REST).await;
    Ok(running.usage().memory)
}
