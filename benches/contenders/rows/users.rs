//! All users of a room of 10,000, asked for with one call.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    task::JoinSet,
    time::{self, Instant},
};
use tonic::transport::Channel;

use super::{fill, payload::Payload, present};
use crate::{
    Outcome,
    args::Args,
    contender::{Contender, Running},
    load::{
        callback::room_id,
        calls::{GET_ROOM_USERS, users_request},
        grpc,
        resp::{Redis, command},
        sender::ROOM,
    },
    report::{Meter, Report},
    serve::BARE_GET,
};

const USERS: usize = 10_000;
const CALLS: usize = 16;
const CONNECTIONS: usize = 4;
const WARM_UP: Duration = Duration::from_millis(300);

const ROW: &str = "GetRoomUsers, 10,000 users";
const CONTENDERS: [(Contender, &str); 3] = [
    (Contender::Memory, "headcount, memory journal"),
    (Contender::Bare, "bare tonic"),
    (Contender::Redis, "Redis HGETALL"),
];

pub(crate) async fn run(args: &Args, report: &mut Report) -> Outcome<()> {
    let contenders = present(args, report, &CONTENDERS);
    let payload = answer(args).await?;
    report.note(format!(
        "The answer with all users of a room of 10,000 is a message of {} bytes; {CALLS} calls are under way, on {CONNECTIONS} connections ({CALLS} of Redis).",
        payload.length()?
    ));
    for round in 0..args.repeat {
        eprintln!("{ROW}, round {}", round + 1);
        for &(contender, name) in &contenders {
            measure(args, contender, name, payload.path(), report).await?;
        }
    }
    Ok(())
}

/// What Headcount answers: the bare server answers the same.
async fn answer(args: &Args) -> Outcome<Payload> {
    let running = Contender::Memory.start(args, None).await?;
    fill::room(Contender::Memory, &running, USERS).await?;
    let channel = grpc::connect(running.grpc).await?;
    Payload::new(&grpc::call(channel, GET_ROOM_USERS, users_request(ROOM)).await?)
}

async fn measure(
    args: &Args,
    contender: Contender,
    name: &str,
    payload: &Path,
    report: &mut Report,
) -> Outcome<()> {
    let running = contender.start(args, Some(payload)).await?;
    if contender != Contender::Bare {
        fill::room(contender, &running, USERS).await?;
    }
    let (answered, is_over) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
    let mut calling = JoinSet::new();
    let mut channels = Vec::new();
    for call in 0..CALLS {
        let (answered, is_over) = (Arc::clone(&answered), Arc::clone(&is_over));
        if contender != Contender::Redis && channels.len() < CONNECTIONS {
            channels.push(grpc::connect(running.grpc).await?);
        }
        let caller = Caller::new(contender, &running, channels.get(call % CONNECTIONS)).await?;
        calling.spawn(keep_calling(caller, answered, is_over));
    }
    time::sleep(WARM_UP).await;
    let (begin, first, meter) = (
        Instant::now(),
        answered.load(Relaxed),
        Meter::start(&running),
    );
    time::sleep(Duration::from_secs_f64(args.seconds)).await;
    let calls = (answered.load(Relaxed) - first) as f64;
    let (elapsed, cpu) = (begin.elapsed().as_secs_f64(), meter.read(&running, calls));
    is_over.store(true, Relaxed);
    while let Some(called) = calling.join_next().await {
        called??;
    }
    report.add((ROW, name), "calls/s", calls / elapsed, Some(cpu));
    Ok(())
}

enum Caller {
    Grpc(Channel, &'static str, Bytes),
    Redis(Redis, Vec<u8>),
}

impl Caller {
    async fn new(
        contender: Contender,
        running: &Running,
        channel: Option<&Channel>,
    ) -> Outcome<Self> {
        Ok(match (contender, channel) {
            (Contender::Bare, Some(channel)) => Self::Grpc(channel.clone(), BARE_GET, Bytes::new()),
            (_, Some(channel)) => Self::Grpc(channel.clone(), GET_ROOM_USERS, users_request(ROOM)),
            (_, None) => {
                let mut get = Vec::new();
                command(&mut get, &[b"HGETALL", room_id(ROOM).as_bytes()]);
                Self::Redis(Redis::open(running.grpc).await?, get)
            }
        })
    }

    /// How long the answer is.
    async fn call(&mut self) -> Outcome<usize> {
        match self {
            Self::Grpc(channel, path, request) => {
                Ok(grpc::call(channel.clone(), path, request.clone())
                    .await?
                    .len())
            }
            Self::Redis(redis, get) => redis.send_and_skim(get).await,
        }
    }
}

async fn keep_calling(
    mut caller: Caller,
    answered: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
) -> Outcome<()> {
    while !is_over.load(Relaxed) {
        let length = caller.call().await?;
        // An answer without users would be fast, and would not be a valid measurement.
        if length < USERS {
            return Err(format!("an answer of {length} bytes").into());
        }
        answered.fetch_add(1, Relaxed);
    }
    Ok(())
}
