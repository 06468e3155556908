//! What the process takes, by the names that all programs have for it.

use std::fmt;

use procfs::{
    ProcResult, WithCurrentSystemInfo as _, boot_time_secs,
    process::{LimitValue, Process},
    ticks_per_second,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};

/// Reads `/proc` whenever the metrics are collected. What cannot be read is left out.
#[derive(Debug)]
pub(super) struct ProcessMetrics;

/// What the process takes at one moment.
struct Taken {
    cpu_seconds: f64,
    resident_bytes: u64,
    virtual_bytes: u64,
    open_fds: u64,
    /// `None` if there is no limit.
    fds_max: Option<u64>,
    /// Since the Unix epoch, by the clock of the system.
    started_seconds: f64,
}

impl Taken {
    fn read() -> ProcResult<Self> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let seconds = |ticks: u64| ticks as f64 / ticks_per_second() as f64;
        Ok(Self {
            cpu_seconds: seconds(stat.utime + stat.stime),
            resident_bytes: stat.rss_bytes().get(),
            virtual_bytes: stat.vsize,
            open_fds: process.fd_count()? as u64,
            fds_max: match process.limits()?.max_open_files.soft_limit {
                LimitValue::Value(limit) => Some(limit),
                LimitValue::Unlimited => None,
            },
            started_seconds: boot_time_secs()? as f64 + seconds(stat.starttime),
        })
    }
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Ok(taken) = Taken::read() else {
            return Ok(());
        };
        let mut put = |name, help: &str, metric: &dyn EncodeMetric| {
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
        };
        put(
            "process_cpu_seconds",
            "Time of processors that the process used.",
            &ConstCounter::new(taken.cpu_seconds),
        )?;
        put(
            "process_resident_memory_bytes",
            "What the process takes of the memory.",
            &ConstGauge::new(taken.resident_bytes),
        )?;
        put(
            "process_virtual_memory_bytes",
            "The addresses that the process has reserved.",
            &ConstGauge::new(taken.virtual_bytes),
        )?;
        put(
            "process_open_fds",
            "Files and connections that are open.",
            &ConstGauge::new(taken.open_fds),
        )?;
        if let Some(fds_max) = taken.fds_max {
            put(
                "process_max_fds",
                "The most that may be open.",
                &ConstGauge::new(fds_max),
            )?;
        }
        put(
            "process_start_time_seconds",
            "When the process started, in seconds since the Unix epoch.",
            &ConstGauge::new(taken.started_seconds),
        )
    }
}
