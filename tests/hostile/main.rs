//! Attacks on the service, each beside an honest prober: `cargo test --test hostile [NAME]`.
//!
//! Every attack has a process of its own. While it lasts, the prober sends signed callbacks on
//! fresh connections and asks by gRPC. It must not be refused, and the process must not take more
//! memory than the attack's budget. How fast the prober is answered is printed, not asserted.
//!
//! To add an attack, add a file in `attacks` and a line to [`attacks::ALL`]. The program attacks
//! `$HEADCOUNT_HOSTILE`, or the binary that Cargo built. It needs Linux: addresses of the loopback
//! network stand for strangers, and `/proc` says what a process takes.
#![allow(clippy::unwrap_used, reason = "whatever fails here ends the run")]

mod attack;
mod attacks;
#[allow(dead_code, unused_imports, reason = "the other tests use the rest")]
#[path = "../it/common/child/mod.rs"]
mod child;
mod http2;
mod prober;
mod report;
mod target;

use std::{env, process::ExitCode};

use self::{attack::Attack, report::Outcome, target::Target};

fn main() -> ExitCode {
    let wanted: Vec<String> = env::args().skip(1).collect();
    let is_wanted = |attack: &&Attack| {
        wanted.is_empty() || wanted.iter().any(|name| attack.name.contains(name))
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("{}", report::HEAD);
    let mut faults = Vec::new();
    for attack in attacks::ALL.iter().filter(is_wanted) {
        let outcome = runtime.block_on(run(attack));
        println!("{outcome}");
        faults.extend(outcome.faults());
    }
    for fault in &faults {
        eprintln!("{fault}");
    }
    if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Attacks a fresh process for as long as the prober takes.
async fn run(attack: &'static Attack) -> Outcome {
    let target = Target::start().await;
    // The prober is known before the attack, as a vendor is.
    prober::probe(&target, 1).await;
    let attackers = tokio::spawn((attack.run)(target.addresses()));
    let probes = prober::probe(&target, prober::PROBES).await;
    attackers.abort();
    let usage = target.usage();
    Outcome {
        attack,
        probes,
        usage,
    }
}
