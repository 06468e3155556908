//! The simulator: against services in memory and a real server, and as a command.

mod command;
mod in_memory;
mod in_paused_time;
mod over_sockets;
mod real_server;
mod rules;

use headcount::simulate::{Cause, Options, Verdict};

/// A run of a second or less.
fn small(seed: u64) -> Options {
    Options {
        seed,
        rooms: 40,
        users: 10,
        callbacks: 1_600,
        ..Options::default()
    }
}

#[track_caller]
fn assert_none(verdict: &Verdict) {
    let told: Vec<String> = verdict
        .differences
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(told.is_empty(), "{verdict}\n{}", told.join("\n"));
}

#[track_caller]
fn assert_explained(verdict: &Verdict) {
    let differences = verdict.differences.iter();
    let unexplained = differences.filter(|found| found.cause == Cause::Unexplained);
    let told: Vec<String> = unexplained.map(ToString::to_string).collect();
    assert!(told.is_empty(), "{verdict}\n{}", told.join("\n"));
}
