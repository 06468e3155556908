//! What is measured.

mod curves;
mod fanout;
mod fill;
mod growth;
mod idle;
mod ingest;
mod members;
mod payload;
mod restart;
mod stalled;
mod users;

use std::fs;

use tokio::signal::{
    ctrl_c,
    unix::{SignalKind, signal},
};

use crate::{
    Outcome,
    args::{Args, Row},
    contender::Contender,
    report::{self, Report},
};

/// Open files that the rows need.
const FILES: u64 = 4096;

pub(crate) async fn run(args: &Args) -> Outcome<()> {
    let mut report = Report::default();
    report::describe(&mut report, args)?;
    check_files_max()?;
    let measured = tokio::select! {
        measured = measure(args, &mut report) => measured,
        // Ends all processes that were started, and removes their folders.
        interrupted = interrupted() => interrupted,
    };
    // The figures that were measured are printed even if a later row failed.
    report::print(&report);
    if let Some(file) = &args.json {
        report.write_json(file)?;
    }
    measured
}

async fn interrupted() -> Outcome<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminated.recv() => {}
        pressed = ctrl_c() => pressed?,
    }
    Err("interrupted".into())
}

async fn measure(args: &Args, report: &mut Report) -> Outcome<()> {
    if args.wants(Row::Ingest) {
        ingest::run(args, report).await?;
    }
    if args.wants(Row::Fanout) || args.wants(Row::Latency) {
        fanout::run(args, report).await?;
    }
    if args.wants(Row::Users) {
        users::run(args, report).await?;
    }
    if args.wants(Row::Idle) {
        idle::run(args, report).await?;
    }
    if args.wants(Row::Stalled) {
        stalled::run(args, report).await?;
    }
    if args.wants(Row::Members) {
        members::run(args, report).await?;
    }
    if args.wants(Row::Restart) {
        restart::run(args, report).await?;
    }
    if args.wants(Row::Growth) {
        growth::run(args, report).await?;
    }
    Ok(())
}

/// Every subscriber of Redis is a connection, with an end in this process.
fn check_files_max() -> Outcome<()> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let files = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    match files {
        Some(files) if files < FILES => {
            Err(format!("{files} open files are too few: try `ulimit -n {FILES}`").into())
        }
        _ => Ok(()),
    }
}

/// Those of a row's contenders that can be measured; the others are named.
fn present(
    args: &Args,
    report: &mut Report,
    all: &[(Contender, &'static str)],
) -> Vec<(Contender, &'static str)> {
    let mut present = Vec::new();
    for &(contender, name) in all {
        let is_asked_for = args.only.is_empty()
            || contender.is_headcount()
            || args.only.iter().any(|only| name.contains(&**only));
        match contender.missing() {
            _ if !is_asked_for => report.skip(name, "not asked for"),
            Some(why) => report.skip(name, &why),
            None => present.push((contender, name)),
        }
    }
    present
}
