//! Starts other processes, measures them, and ends them when their owner is dropped.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::time::{self, Instant};

use crate::Outcome;

/// How long a server may take to answer after its start.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The unit of times in `/proc`: 100 a second wherever Linux runs.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process that is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Outcome<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{name}: {error}"))?;
        Ok(Self(child))
    }

    pub(crate) fn usage(&self) -> Usage {
        usage(&self.0.id().to_string()).unwrap_or_default()
    }

    /// Whether it ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn end(mut self) -> Outcome<()> {
        let id = self.0.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process has taken so far, all its threads together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Seconds in its own code.
    pub(crate) user: f64,
    /// Seconds in the kernel, on its behalf.
    pub(crate) system: f64,
    /// Bytes of memory that it holds now.
    pub(crate) memory: f64,
    /// The most bytes of memory that it has held.
    pub(crate) memory_max: f64,
}

impl Usage {
    /// Seconds of a processor.
    pub(crate) fn cpu(self) -> f64 {
        self.user + self.system
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            user: self.user + other.user,
            system: self.system + other.system,
            memory: self.memory + other.memory,
            memory_max: self.memory_max + other.memory_max,
        }
    }
}

/// The usage of the harness itself.
pub(crate) fn own_usage() -> Usage {
    usage("self").unwrap_or_default()
}

fn usage(id: &str) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, in parentheses, may hold anything. After it come fields 3 and on;
    // 14 and 15 are the times.
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let mut seconds = || Some(fields.next()?.parse::<f64>().ok()? / TICKS_PER_SECOND);
    let (user, system) = (seconds()?, seconds()?);
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let bytes = |name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib * 1024.0)
    };
    Some(Usage {
        user,
        system,
        memory: bytes("VmRSS:")?,
        memory_max: bytes("VmHWM:")?,
    })
}

/// A port of this machine that no process listens on now.
pub(crate) fn free_address() -> Outcome<std::net::SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Waits until `is_up`, or one of the processes that should be is gone.
pub(crate) async fn until_up(
    processes: &mut [Process],
    mut is_up: impl AsyncFnMut() -> bool,
) -> Outcome<()> {
    let begin = Instant::now();
    while !is_up().await {
        if processes.iter_mut().any(Process::has_ended) {
            return Err("it ended right after its start".into());
        }
        if begin.elapsed() > START_TIMEOUT {
            return Err("it does not answer".into());
        }
        time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
