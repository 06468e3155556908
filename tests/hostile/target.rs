//! The process that is attacked.

use std::{
    env, fs,
    net::SocketAddr,
    process::Command,
    time::{Duration, Instant},
};

use headcount_client::Client;

use crate::{
    attack::Attack,
    child::{BINARY, Process, Site},
    prober::exchange,
};

/// The most data that the process gets from the system, in KiB: 512 MiB. It is the limit on data,
/// not that of a control group, because anybody may set it. It is the stricter one: it counts
/// what was ever in use, and the threads' stacks.
const DATA_MAX_KIB: u64 = 512 * 1024;

/// Lets the allocator ask for memory when it needs some. It would ask for a GiB ahead, which takes
/// nothing until it is written to, but counts as data.
const ASK_WHEN_NEEDED: (&str, &str) = ("MIMALLOC_ARENA_EAGER_COMMIT", "0");

/// Limits the process, and becomes the server.
const LIMITED: &str = r#"ulimit -d "$0" && exec "$@""#;

/// The unit of times in `/proc`: 100 a second wherever Linux runs.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process of its own, with a folder and ports of its own.
pub(crate) struct Target {
    site: Site,
    process: Process,
}

/// Where its fronts listen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) webhook: SocketAddr,
    pub(crate) grpc: SocketAddr,
    pub(crate) admin: SocketAddr,
}

/// What a process has taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// The most memory that it held at a time, in MiB.
    pub(crate) memory: u64,
    /// Seconds of a processor.
    pub(crate) cpu: f64,
    /// What its data folder takes, in bytes.
    pub(crate) folder: u64,
}

impl Target {
    /// Starts one. `journal` is what the configuration says of the journal.
    pub(crate) async fn start(journal: &str) -> Self {
        let site = Site::new(journal);
        let process = spawn(&site).await;
        Self { site, process }
    }

    /// Kills the process and starts it again. Returns how long it took until it served.
    pub(crate) async fn restart(self) -> (Self, Duration) {
        let Self { site, process } = self;
        process.kill();
        let began = Instant::now();
        let process = spawn(&site).await;
        (Self { site, process }, began.elapsed())
    }

    /// Ends it by a signal, and starts it again with what it has kept.
    pub(crate) async fn restart_after(self, signal: &str) -> Self {
        let Self { site, process } = self;
        process.signal(signal);
        process.ends().await;
        let process = spawn(&site).await;
        Self { site, process }
    }

    pub(crate) fn addresses(&self) -> Addresses {
        Addresses {
            webhook: self.site.webhook_address(),
            grpc: self.site.grpc_address(),
            admin: self.site.admin(),
        }
    }

    pub(crate) fn client(&self) -> Client {
        self.site.client()
    }

    /// Whether an attack has come as far as its aim, as far as a metric says.
    pub(crate) async fn shows(&self, attack: &Attack) -> bool {
        match attack.shows {
            Some(metric) => self.metric(metric).await > 0.0,
            None => true,
        }
    }

    /// What a metric says: the sum over its labels. 0 if the process does not answer.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let head = "GET /metrics HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
        let page = exchange(self.addresses().admin, head.to_owned()).await;
        let page = page.unwrap_or_default();
        let of_metric = page.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let is_wanted = series.split('{').next() == Some(name);
            is_wanted.then(|| value.parse::<f64>().unwrap())
        });
        of_metric.sum()
    }

    fn folder_bytes(&self) -> u64 {
        // A journal in memory has no folder, and a file may have been dropped meanwhile.
        let files = fs::read_dir(self.site.data()).into_iter().flatten();
        let lengths = files.filter_map(|file| file.ok()?.metadata().ok());
        lengths.map(|metadata| metadata.len()).sum()
    }

    /// What it has taken so far. Its memory is not known, and counts as none, if it has ended.
    pub(crate) fn usage(&self) -> Usage {
        let id = self.process.id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.split_whitespace().next());
        let kib: u64 = kib.map_or(0, |kib| kib.parse().unwrap());
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
        // The name, in parentheses, may hold anything. After it come fields 3 and on; 14 and 15
        // are the times.
        let fields = stat.rsplit(')').next().unwrap().split_whitespace().skip(11);
        let ticks: f64 = fields
            .take(2)
            .map(|field| field.parse::<f64>().unwrap())
            .sum();
        Usage {
            memory: kib / 1024,
            cpu: ticks / TICKS_PER_SECOND,
            folder: self.folder_bytes(),
        }
    }
}

/// Starts a process within its limits, and waits until it serves.
async fn spawn(site: &Site) -> Process {
    let binary = env::var_os("HEADCOUNT_HOSTILE").unwrap_or_else(|| BINARY.into());
    let mut limited = Command::new("sh");
    limited.args(["-c", LIMITED, &DATA_MAX_KIB.to_string()]);
    limited.arg(binary);
    limited.env(ASK_WHEN_NEEDED.0, ASK_WHEN_NEEDED.1);
    let mut process = site.spawn_by(limited);
    process.says("serving callbacks on").await;
    process
}
