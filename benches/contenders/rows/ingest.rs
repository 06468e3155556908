//! Signed logins, as fast as they are taken.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{self, Instant},
};

use super::present;
use crate::{
    Outcome,
    args::Args,
    contender::Contender,
    load::{
        callback::{Kind, Template, What},
        http::Connection,
    },
    report::{Meter, Report},
};

const CONNECTIONS: [usize; 2] = [64, 256];

/// Over how many rooms the users are spread.
const ROOMS: u64 = 1000;

/// How long a server runs under load before it is measured.
const WARM_UP: Duration = Duration::from_millis(500);

const CONTENDERS: [(Contender, &str); 4] = [
    (Contender::Memory, "headcount, memory journal"),
    (Contender::Disk, "headcount, disk journal"),
    (Contender::Bare, "bare hyper"),
    (Contender::Fastify, "fastify + Redis"),
];

pub(crate) async fn run(args: &Args, report: &mut Report) -> Outcome<()> {
    let contenders = present(args, report, &CONTENDERS);
    for connections in CONNECTIONS {
        let row = format!("ingest, {connections} connections");
        for round in 0..args.repeat {
            eprintln!("{row}, round {}", round + 1);
            for &(contender, name) in &contenders {
                measure(args, contender, connections, (&row, name), report).await?;
            }
        }
    }
    Ok(())
}

async fn measure(
    args: &Args,
    contender: Contender,
    connections: usize,
    place: (&str, &str),
    report: &mut Report,
) -> Outcome<()> {
    let running = contender.start(args, None).await?;
    let load = Load::start(running.http, connections).await?;
    time::sleep(WARM_UP).await;
    let (begin, first) = (Instant::now(), load.answered());
    let meter = Meter::start(&running);
    time::sleep(Duration::from_secs_f64(args.seconds)).await;
    let requests = (load.answered() - first) as f64;
    let elapsed = begin.elapsed().as_secs_f64();
    let cpu = meter.read(&running, requests);
    load.end().await?;
    report.add(place, "requests/s", requests / elapsed, Some(cpu));
    Ok(())
}

/// Connections that post as fast as they are answered.
struct Load {
    answered: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    posting: JoinSet<Outcome<()>>,
}

impl Load {
    async fn start(address: SocketAddr, connections: usize) -> Outcome<Self> {
        let (answered, is_over) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let sent = Arc::<AtomicU64>::default();
        let mut posting = JoinSet::new();
        for _ in 0..connections {
            let connection = Connection::open(address).await?;
            let (sent, answered, is_over) = (
                Arc::clone(&sent),
                Arc::clone(&answered),
                Arc::clone(&is_over),
            );
            posting.spawn(async move { post(connection, &sent, &answered, &is_over).await });
        }
        Ok(Self {
            answered,
            is_over,
            posting,
        })
    }

    fn answered(&self) -> u64 {
        self.answered.load(Relaxed)
    }

    async fn end(mut self) -> Outcome<()> {
        self.is_over.store(true, Relaxed);
        while let Some(posted) = self.posting.join_next().await {
            posted??;
        }
        Ok(())
    }
}

async fn post(
    mut connection: Connection,
    sent: &AtomicU64,
    answered: &AtomicU64,
    is_over: &AtomicBool,
) -> Outcome<()> {
    let mut login = Template::new(Kind::Login);
    while !is_over.load(Relaxed) {
        let serial = sent.fetch_add(1, Relaxed);
        let request = login.request(login_of(serial));
        connection.post(request).await?;
        answered.fetch_add(1, Relaxed);
    }
    Ok(())
}

/// Every login is of another user; each room's are numbered from 1.
fn login_of(serial: u64) -> What {
    What {
        room: (serial % ROOMS) as usize,
        user: serial as usize,
        number: (serial / ROOMS + 1) as usize,
        serial,
    }
}
