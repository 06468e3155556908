//! The honest: a vendor that sends callbacks, a game server that asks, an operator who looks.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{interval, timeout},
};

use crate::{
    child::{ZEGO_APP, now, zego},
    front::Front,
    load::request,
    target::Target,
};

/// How many probes there are, and how often. One attack lasts for their product, or a little
/// longer where this machine has other things to do.
pub(crate) const PROBES: u64 = 80;
/// How many there are after a restart: enough to see that it serves.
pub(crate) const PROBES_AFTER_RESTART: u64 = 10;
const INTERVAL: Duration = Duration::from_millis(100);
const LASTS_MAX: Duration = Duration::from_secs(15);

/// After how long without an answer a probe counts as refused. It is longer than a vendor waits,
/// because a busy machine must not fail the run: how long answers take is in the table.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the probes of one kind went.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// How long each took that was answered, in the order of time.
    pub(crate) answered: Vec<Duration>,
    /// Why others were not.
    pub(crate) refused: Vec<String>,
}

/// How all probes went.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    /// Callbacks, each on a fresh connection.
    pub(crate) callbacks: Tally,
    /// Calls by gRPC.
    pub(crate) calls: Tally,
    /// `GET /healthz` and `GET /metrics`, each on a fresh connection.
    pub(crate) looks: Tally,
}

impl Probes {
    /// Adds later probes.
    pub(crate) fn add(&mut self, later: Self) {
        self.callbacks.add(later.callbacks);
        self.calls.add(later.calls);
        self.looks.add(later.looks);
    }
}

impl Tally {
    fn add(&mut self, later: Self) {
        self.answered.extend(later.answered);
        self.refused.extend(later.refused);
    }

    async fn note<T>(&mut self, probe: impl Future<Output = Result<T, String>>) {
        let began = Instant::now();
        match timeout(PATIENCE, probe).await {
            Ok(Ok(_)) => self.answered.push(began.elapsed()),
            Ok(Err(reason)) => self.refused.push(reason),
            Err(_) => self.refused.push("no answer in time".to_owned()),
        }
    }
}

/// Sends callbacks, asks and looks so many times.
pub(crate) async fn probe(target: &Target, probes: u64) -> Probes {
    let Probes {
        mut callbacks,
        mut calls,
        mut looks,
    } = Probes::default();
    let until = Instant::now() + LASTS_MAX;
    let goes_on = || Instant::now() < until;
    let (mut one, mut other, mut third) =
        (interval(INTERVAL), interval(INTERVAL), interval(INTERVAL));
    let send = async {
        for number in (1..=probes).take_while(|_| goes_on()) {
            one.tick().await;
            callbacks.note(post(target, number)).await;
        }
    };
    let ask = async {
        let mut client = target.addresses().client();
        for _ in (0..probes).take_while(|_| goes_on()) {
            other.tick().await;
            let request = headcount::pb::GetRoomUsersRequest {
                app: ZEGO_APP.to_owned(),
                room_id: "lobby".to_owned(),
                ..Default::default()
            };
            let answer = async {
                let answer = client.get_room_users(request).await;
                answer.map_err(|status| status.to_string())
            };
            calls.note(answer).await;
        }
    };
    let look = async {
        for i in (0..probes).take_while(|_| goes_on()) {
            third.tick().await;
            let (to, path) = match i % 2 {
                0 => (target.addresses().webhook, "/healthz"),
                _ => (target.addresses().admin, "/metrics"),
            };
            let head = format!("GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
            looks.note(exchange(to, head)).await;
        }
    };
    tokio::join!(send, ask, look);
    Probes {
        callbacks,
        calls,
        looks,
    }
}

async fn post(target: &Target, number: u64) -> Result<String, String> {
    let (user, session) = (format!("user-{number}"), number.to_string());
    let post = zego(("lobby", number), (&user, &session), now(), None);
    exchange(target.addresses().webhook, request(&post, "close")).await
}

/// Sends a request on a fresh connection, and checks that the answer is 200.
pub(crate) async fn exchange(to: Front, request: String) -> Result<String, String> {
    let exchanged = async {
        let mut stream = to.connect().await?;
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = exchanged.await.map_err(|error| error.to_string())?;
    if answer.starts_with("HTTP/1.1 200 ") {
        Ok(answer)
    } else {
        Err(answer)
    }
}
