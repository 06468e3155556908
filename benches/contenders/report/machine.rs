//! Describes the machine, the programs and the command that the figures are from.

use std::{
    env,
    fs::{self, File},
    io::Write as _,
    path::Path,
    process::Command,
    thread,
    time::Instant,
};

use super::{Report, numbers::median};
use crate::{Outcome, args::Args};

const SYNCS: usize = 50;
const PAGE: [u8; 4096] = [1; 4096];

/// Says which machine, which programs and which command the figures are from.
pub(crate) fn describe(report: &mut Report, args: &Args) -> Outcome<()> {
    let cores = thread::available_parallelism()?;
    let cpu = line_of("/proc/cpuinfo", "model name").unwrap_or_default();
    let memory = line_of("/proc/meminfo", "MemTotal").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    report.note(format!(
        "Machine: {cpu}, {cores} cores for all processes together, {memory} of memory, Linux {}.",
        kernel.trim()
    ));
    report.note(format!(
        "Disk of the data folders: {}, a page is written and synced in {:.2} ms (median).",
        file_system(&args.scratch).unwrap_or_else(|| "unknown".into()),
        sync_millis(&args.scratch)?
    ));
    let versions: Vec<_> = [
        ("redis-server", "--version"),
        ("etcd", "--version"),
        ("node", "--version"),
    ]
    .into_iter()
    .filter_map(|(name, flag)| Some(format!("{name}: {}", first_line(name, flag)?)))
    .collect();
    report.note(format!("Programs: {}.", versions.join("; ")));
    let asked: Vec<_> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    report.note(format!(
        "Command: `cargo bench --bench contenders -- {}`",
        asked.join(" ")
    ));
    if args.shrink != 1 {
        report.note(format!(
            "**On trial: large rows are divided by {}.**",
            args.shrink
        ));
    }
    Ok(())
}

fn line_of(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn first_line(program: &str, flag: &str) -> Option<String> {
    let output = Command::new(program).arg(flag).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.lines().next()?.trim().to_owned())
}

fn file_system(folder: &Path) -> Option<String> {
    let output = Command::new("df")
        .arg("--output=fstype")
        .arg(folder)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.lines().nth(1)?.trim().to_owned())
}

/// How long a sync takes here. No row that syncs can be faster.
fn sync_millis(folder: &Path) -> Outcome<f64> {
    let path = folder.join("contenders-sync");
    let mut file = File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..SYNCS {
        let begin = Instant::now();
        file.write_all(&PAGE)?;
        file.sync_data()?;
        times.push(begin.elapsed().as_secs_f64() * 1000.0);
    }
    fs::remove_file(path)?;
    Ok(median(&times).unwrap_or_default())
}
