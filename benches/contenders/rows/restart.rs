//! How long a start takes with a million callbacks in the journal.

use std::{env, path::Path, process::Command};

use tokio::{task, time::Instant};

use crate::{
    Outcome,
    args::Args,
    contender::{Settings, scratch, start_headcount},
    report::Report,
};

const CALLBACKS: usize = 1_000_000;

/// None is written while this is measured.
const NO_CHECKPOINTS: &str = "checkpoint_interval = \"1000h\"\ncheckpoint_entries = 1000000000";

const ROW: &str = "restart, 1,000,000 callbacks";

pub(crate) async fn run(args: &Args, report: &mut Report) -> Outcome<()> {
    let callbacks = args.shrunk(CALLBACKS);
    let cases = [
        ("headcount, no checkpoint", None),
        (
            "headcount, checkpoint after half of them",
            Some(callbacks / 2),
        ),
        ("headcount, checkpoint after all", Some(callbacks)),
    ];
    for (name, checkpoint_at) in cases {
        let folder = scratch(args)?;
        let data = folder.path().join("data");
        write(&data, callbacks, checkpoint_at).await?;
        for _ in 0..args.repeat {
            let settings = Settings {
                data: Some(&data),
                checkpoints: Some(NO_CHECKPOINTS),
            };
            let begin = Instant::now();
            let mut running = start_headcount(args, folder.path(), &settings).await?;
            let elapsed = begin.elapsed().as_secs_f64();
            let usage = running.usage();
            let mib = |bytes: f64| bytes / f64::from(1 << 20);
            report.add((ROW, name), "s to ready", elapsed, None);
            report.add((ROW, name), "MiB when ready", mib(usage.memory), None);
            report.add((ROW, name), "MiB at most", mib(usage.memory_max), None);
            // In order: the next start is not to find a journal cut off.
            if let Some(server) = running.processes.pop() {
                server.end()?;
            }
        }
    }
    Ok(())
}

async fn write(data: &Path, callbacks: usize, checkpoint_at: Option<usize>) -> Outcome<()> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--serve", "journal", "--count", &callbacks.to_string()]);
    command.arg("--payload").arg(data);
    if let Some(at) = checkpoint_at {
        command.args(["--checkpoint-at", &at.to_string()]);
    }
    let status = task::spawn_blocking(move || command.status()).await??;
    match status.success() {
        true => Ok(()),
        false => Err("the journal was not written".into()),
    }
}
