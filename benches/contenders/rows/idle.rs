//! What a watch takes on the server while nothing happens.

use std::{sync::Arc, time::Duration};

use tokio::time;

use super::{fill, payload, present};
use crate::{
    Outcome,
    args::Args,
    contender::Contender,
    load::{
        callback::{Kind, What},
        calls::{WATCH_ROOM, watch_request},
        grpc,
    },
    report::Report,
    serve::BARE_WATCH,
};

const WATCHES: usize = 10_000;
const CONNECTIONS: usize = 100;

/// In each of them is one user.
const ROOMS: usize = 100;

/// How long memory is given to come to rest.
const REST: Duration = Duration::from_secs(1);

const ROW: &str = "idle watchers";
const CONTENDERS: [(Contender, &str); 2] = [
    (Contender::Memory, "headcount, memory journal"),
    (Contender::Bare, "bare tonic"),
];

pub(crate) async fn run(args: &Args, report: &mut Report) -> Outcome<()> {
    let contenders = present(args, report, &CONTENDERS);
    let payload = Arc::new(payload::change(args).await?);
    for round in 0..args.repeat {
        eprintln!("{ROW}, round {}", round + 1);
        for &(contender, name) in &contenders {
            let running = contender.start(args, Some(payload.path())).await?;
            if contender.is_headcount() {
                let plan = |number| What {
                    room: number,
                    user: number,
                    number: 1,
                    serial: number as u64,
                };
                fill::post(&running, Kind::Login, 0..ROOMS, plan).await?;
            }
            let mut channels = Vec::new();
            for _ in 0..CONNECTIONS {
                channels.push(grpc::connect(running.grpc).await?);
            }
            time::sleep(REST).await;
            let before = running.usage().memory;
            let watches = args.shrunk(WATCHES);
            let mut streams = Vec::with_capacity(watches);
            for watch in 0..watches {
                let channel = channels[watch % CONNECTIONS].clone();
                let (path, request) = match contender {
                    Contender::Bare => (BARE_WATCH, bytes::Bytes::new()),
                    _ => (WATCH_ROOM, watch_request(watch / CONNECTIONS % ROOMS)),
                };
                let mut stream = grpc::watch(channel, path, request, false).await?;
                stream.message().await?;
                streams.push(stream);
            }
            time::sleep(REST).await;
            let bytes = (running.usage().memory - before) / watches as f64;
            report.add((ROW, name), "bytes/watch", bytes, None);
        }
    }
    Ok(())
}
