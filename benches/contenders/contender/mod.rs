//! Starts the contenders, each as processes of its own, on ports of its own.

mod etcd;
mod fastify;
mod headcount;
mod redis;

use std::{env, net::SocketAddr, path::Path, process::Command};

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::{
    Outcome,
    args::Args,
    process::{Process, Usage, free_address, until_up},
    tls::{self, Files},
};

pub(crate) use self::headcount::{Settings, start as start_headcount};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// Headcount whose journal is in memory.
    Memory,
    /// Headcount whose journal is on disk, as it is by default.
    Disk,
    /// hyper and tonic without a service behind them.
    Bare,
    /// fastify and ioredis, which write to Redis.
    Fastify,
    /// Redis alone.
    Redis,
    /// etcd alone.
    Etcd,
}

/// A contender that runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) processes: Vec<Process>,
    /// Where changes are sent to.
    pub(crate) http: SocketAddr,
    /// Where they are watched.
    pub(crate) grpc: SocketAddr,
    /// Dropped last, when no process uses it any more.
    _folder: Option<TempDir>,
}

impl Contender {
    pub(crate) fn is_headcount(self) -> bool {
        matches!(self, Self::Memory | Self::Disk)
    }

    /// Why it cannot be measured on this machine, if it cannot.
    pub(crate) fn missing(self) -> Option<String> {
        if tls::files().is_some() && !matches!(self, Self::Memory | Self::Disk | Self::Bare) {
            return Some("not measured with TLS".to_owned());
        }
        let needed: &[&str] = match self {
            Self::Memory | Self::Disk | Self::Bare => &[],
            Self::Fastify => &["node", "npm", "redis-server"],
            Self::Redis => &["redis-server"],
            Self::Etcd => &["etcd"],
        };
        let gone: Vec<_> = needed
            .iter()
            .filter(|name| !is_installed(name))
            .copied()
            .collect();
        (!gone.is_empty()).then(|| format!("not installed: {}", gone.join(", ")))
    }

    /// Starts it, with nothing in it. `payload` is what a bare server sends.
    pub(crate) async fn start(self, args: &Args, payload: Option<&Path>) -> Outcome<Running> {
        match self {
            Self::Memory | Self::Disk => {
                let is_disk = self == Self::Disk;
                headcount::start_fresh(args, is_disk).await
            }
            Self::Bare => bare(payload).await,
            Self::Fastify => fastify::start(args).await,
            Self::Redis => redis::start().await,
            Self::Etcd => etcd::start(args).await,
        }
    }
}

impl Running {
    /// What its processes have taken so far, together.
    pub(crate) fn usage(&self) -> Usage {
        let usages = self.processes.iter().map(Process::usage);
        usages.fold(Usage::default(), Usage::plus)
    }
}

async fn bare(payload: Option<&Path>) -> Outcome<Running> {
    let (http, grpc) = (free_address()?, free_address()?);
    let mut command = Command::new(env::current_exe()?);
    command.args(["--serve", "bare", "--http", &http.to_string()]);
    command.args(["--grpc", &grpc.to_string()]);
    if let Some(payload) = payload {
        command.arg("--payload").arg(payload);
    }
    if let Some(Files { certificate, key }) = tls::files() {
        command.arg("--certificate").arg(certificate);
        command.arg("--key").arg(key);
    }
    let mut processes = vec![Process::start(&mut command)?];
    until_up(&mut processes, async || {
        listens(http).await && listens(grpc).await
    })
    .await?;
    Ok(Running {
        processes,
        http,
        grpc,
        _folder: None,
    })
}

async fn listens(address: SocketAddr) -> bool {
    TcpStream::connect(address).await.is_ok()
}

fn is_installed(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// A folder that is gone when it is dropped.
pub(crate) fn scratch(args: &Args) -> Outcome<TempDir> {
    let mut builder = tempfile::Builder::new();
    Ok(builder.prefix("contenders-").tempdir_in(&args.scratch)?)
}
