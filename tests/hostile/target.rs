//! The process that is attacked.

use std::{env, fs, net::SocketAddr, process::Command};

use headcount_client::Client;

use crate::child::{BINARY, Process, Site};

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
}

impl Target {
    pub(crate) async fn start() -> Self {
        let site = Site::new("kind = \"disk\"");
        let binary = env::var_os("HEADCOUNT_HOSTILE").unwrap_or_else(|| BINARY.into());
        let mut process = site.spawn_by(Command::new(binary));
        process.says("serving callbacks on").await;
        Self { site, process }
    }

    pub(crate) fn addresses(&self) -> Addresses {
        Addresses {
            webhook: self.site.webhook_address(),
            grpc: self.site.grpc_address(),
            admin: self.site.telemetry(),
        }
    }

    pub(crate) fn client(&self) -> Client {
        self.site.client()
    }

    /// What it has taken so far.
    pub(crate) fn usage(&self) -> Usage {
        let id = self.process.id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: u64 = peak
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap()
            .parse()
            .unwrap();
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
        }
    }
}
