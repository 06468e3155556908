//! The arguments of the benchmark.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, ValueEnum};

use crate::tls::Files;

/// Measures Headcount beside its contenders on this machine.
#[derive(Clone, Debug, Parser)]
pub(crate) struct Args {
    /// Which rows to measure; all of them without it.
    #[arg(long, value_delimiter = ',')]
    pub(crate) rows: Vec<Row>,
    /// Rounds. Each round measures every contender once.
    #[arg(long, default_value_t = 5)]
    pub(crate) repeat: usize,
    /// How long one contender is measured in one round.
    #[arg(long, default_value_t = 3.0)]
    pub(crate) seconds: f64,
    /// Measure with TLS: what carries callbacks and changes, of Headcount and of the bare
    /// transports.
    #[arg(long)]
    pub(crate) tls: bool,
    /// Only contenders with one of these texts in their names, and Headcount.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Divides members, watches and callbacks of the large rows, to try them.
    #[arg(long, default_value_t = 1)]
    pub(crate) shrink: usize,
    /// Where to write every single figure as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Where to write the curves of `growth`: this file, and a `.csv` beside it.
    #[arg(long, value_name = "FILE", default_value = "docs/growth.svg")]
    pub(crate) svg: PathBuf,
    /// The `headcount` to measure, instead of the one built with this.
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_headcount"))]
    pub(crate) headcount: PathBuf,
    /// Where the data folders are made; beside what is built without it. A folder
    /// in memory would make `fsync` free.
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_TARGET_TMPDIR"))]
    pub(crate) scratch: PathBuf,

    /// Set by `cargo bench`.
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
    /// Run as one of the helper processes, instead of measuring.
    #[arg(long, hide = true)]
    pub(crate) serve: Option<Role>,
    #[arg(long, hide = true)]
    pub(crate) http: Option<SocketAddr>,
    #[arg(long, hide = true)]
    pub(crate) grpc: Option<SocketAddr>,
    /// What a bare server shows that speaks TLS.
    #[arg(long, hide = true, requires = "key")]
    pub(crate) certificate: Option<PathBuf>,
    #[arg(long, hide = true)]
    pub(crate) key: Option<PathBuf>,
    /// What a bare server sends for a change, and as an answer.
    #[arg(long, hide = true)]
    pub(crate) payload: Option<PathBuf>,
    #[arg(long, hide = true, default_value_t = 0)]
    pub(crate) count: usize,
    /// After how many of them a checkpoint is written.
    #[arg(long, hide = true)]
    pub(crate) checkpoint_at: Option<usize>,
    /// Over how much of the journal's time they are spread.
    #[arg(long, hide = true, default_value_t = 0)]
    pub(crate) spread_seconds: u64,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Row {
    Ingest,
    Fanout,
    Latency,
    Users,
    Idle,
    Stalled,
    Members,
    Restart,
    Growth,
}

/// What a process of this program does if the benchmark starts it as a helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// hyper and tonic without a service behind them.
    Bare,
    /// A roster of many members, in this process.
    Members,
    /// Writes a journal.
    Journal,
}

impl Row {
    /// Whether it is measured with TLS, too.
    pub(crate) fn has_tls(self) -> bool {
        matches!(self, Self::Ingest | Self::Fanout | Self::Latency)
    }
}

impl Args {
    /// What a bare server shows.
    pub(crate) fn files(&self) -> Option<Files> {
        let (certificate, key) = (self.certificate.clone()?, self.key.clone()?);
        Some(Files { certificate, key })
    }

    pub(crate) fn wants(&self, row: Row) -> bool {
        let is_of_run = !self.tls || row.has_tls();
        is_of_run && (self.rows.is_empty() || self.rows.contains(&row))
    }

    /// `count`, or less of it on trial.
    pub(crate) fn shrunk(&self, count: usize) -> usize {
        (count / self.shrink).max(1)
    }
}
