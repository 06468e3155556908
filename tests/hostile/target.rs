//! The process that is attacked.

use std::{
    env, fs,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use headcount_client::{Certificate, Client, ClientTlsConfig, Credentials};
use tokio_rustls::TlsConnector;

use crate::{
    attack::Attack,
    child::{BINARY, Process, Sender, Site, trusting},
    front::Front,
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
    /// Who signed its certificates, and who trusts them, if it speaks TLS.
    tls: Option<(&'static str, &'static TlsConnector)>,
}

/// What all speak.
#[derive(Clone, Copy)]
pub(crate) enum Wire {
    PlainText,
    Tls,
}

/// Where its fronts listen.
#[derive(Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) webhook: Front,
    pub(crate) grpc: Front,
    pub(crate) admin: Front,
    /// Who signed the certificates, if they speak TLS.
    authority: Option<&'static str>,
}

impl Addresses {
    /// A vendor with a connection of its own.
    pub(crate) fn sender(self) -> Sender {
        let address = self.webhook.address;
        let url = match self.authority {
            Some(_) => format!("https://localhost:{}", address.port()),
            None => format!("http://{address}"),
        };
        Sender::trusting(url, self.authority)
    }

    /// A game server with a connection of its own.
    pub(crate) fn client(self) -> Client {
        let address = self.grpc.address;
        let Some(authority) = self.authority else {
            return headcount_client::connect(&format!("http://{address}")).unwrap();
        };
        let trusted = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority));
        let url = format!("https://localhost:{}", address.port());
        headcount_client::connect_tls(&url, trusted, Credentials::none()).unwrap()
    }
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
    pub(crate) async fn start(wire: Wire, journal: &str) -> Self {
        let site = match wire {
            Wire::PlainText => Site::new(journal),
            Wire::Tls => Site::with_tls(journal),
        };
        // Attackers have both until the end of the run.
        let tls = site.authority().map(|authority| {
            let connector = TlsConnector::from(Arc::new(trusting(Some(authority))));
            let authority: &str = String::leak(authority.to_owned());
            (authority, &*Box::leak(Box::new(connector)))
        });
        let process = spawn(&site).await;
        Self { site, process, tls }
    }

    /// Kills the process and starts it again. Returns how long it took until it served.
    pub(crate) async fn restart(self) -> (Self, Duration) {
        let Self { site, process, tls } = self;
        process.kill();
        let began = Instant::now();
        let process = spawn(&site).await;
        (Self { site, process, tls }, began.elapsed())
    }

    /// Ends it by a signal, and starts it again with what it has kept.
    pub(crate) async fn restart_after(self, signal: &str) -> Self {
        let Self { site, process, tls } = self;
        process.signal(signal);
        process.ends().await;
        let process = spawn(&site).await;
        Self { site, process, tls }
    }

    pub(crate) fn addresses(&self) -> Addresses {
        let front = |address| Front {
            address,
            tls: self.tls.map(|(_, connector)| connector),
        };
        Addresses {
            webhook: front(self.site.webhook_address()),
            grpc: front(self.site.grpc_address()),
            admin: front(self.site.admin()),
            authority: self.tls.map(|(authority, _)| authority),
        }
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
