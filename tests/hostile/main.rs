//! Attacks on the service, each beside an honest prober: `cargo test --test hostile -- [--tls] [NAME]`.
//!
//! With `--tls` attackers and honest speak TLS, and there are attacks on that.
//!
//! Every attack has a process of its own, which gets no more than 512 MiB. While it lasts, the
//! prober sends signed callbacks on fresh connections and asks by gRPC. It must not be refused, and
//! the process must not take more memory than the attack's budget. How fast the prober is answered
//! is printed, not asserted. Some attacks are on the next start as well.
//!
//! To add an attack, add a file in `attacks` and a line to [`attacks::ALL`]. Those in [`growth`] are of an
//! authentic sender, and followed by restarts. The program attacks
//! `$HEADCOUNT_HOSTILE`, or the binary that Cargo built. It needs Linux: addresses of the loopback
//! network stand for strangers, and `/proc` says what a process takes.
#![allow(clippy::unwrap_used, reason = "whatever fails here ends the run")]

mod attack;
mod attacks;
#[allow(dead_code, unused_imports, reason = "the other tests use the rest")]
#[path = "../it/common/child/mod.rs"]
mod child;
mod crowd;
mod front;
mod growth;
mod grpc;
mod http2;
mod load;
mod prober;
mod report;
mod target;

use std::{env, process::ExitCode, time::Duration};

use tokio::time::timeout;

use self::{
    attack::{Act, Attack},
    report::{Outcome, Restart},
    target::{Target, Wire},
};

/// After the prober is done, how long an attack may take to send what is to last. Only a service
/// that the attack holds up takes so long.
const SENT_WITHIN: Duration = Duration::from_secs(60);

/// What asks for TLS.
const TLS_FLAG: &str = "--tls";

fn main() -> ExitCode {
    let (flags, wanted): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|it| it == TLS_FLAG);
    let wire = match flags.is_empty() {
        true => Wire::PlainText,
        false => Wire::Tls,
    };
    let is_wanted = |attack: &&Attack| {
        wanted.is_empty() || wanted.iter().any(|name| attack.name.contains(name))
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("{}", report::HEAD);
    let mut faults = Vec::new();
    let of_tls = match wire {
        Wire::PlainText => &[],
        Wire::Tls => attacks::OF_TLS,
    };
    for attack in attacks::ALL.iter().chain(of_tls).filter(is_wanted) {
        let outcome = runtime.block_on(run(attack, wire));
        println!("{outcome}");
        if let Some(restart) = &outcome.restart {
            eprintln!("{}: {restart}", attack.name);
        }
        faults.extend(outcome.faults());
    }
    faults.extend(runtime.block_on(growth::run(is_wanted, wire)));
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
async fn run(attack: &'static Attack, wire: Wire) -> Outcome {
    let target = Target::start(wire, attack.journal).await;
    // The prober is known before the attack, as a vendor is.
    prober::probe(&target, 1).await;
    (attack.fill)(target.addresses()).await;
    let mut attackers = tokio::spawn((attack.run)(target.addresses()));
    let probes = prober::probe(&target, prober::PROBES).await;
    let mut has_effect = target.shows(attack).await;
    let usage = target.usage();
    let restart = match attack.restarts_as {
        Some(usual) => {
            let sent = timeout(SENT_WITHIN, &mut attackers).await;
            has_effect &= sent.is_ok_and(|sent| sent.is_ok());
            Some(restart(target, usual, wire).await)
        }
        None => None,
    };
    attackers.abort();
    Outcome {
        attack,
        probes,
        has_effect,
        usage,
        restart,
    }
}

/// Kills the process and starts it again, and then one with a journal that has as much in it and
/// was sent by nobody hostile.
async fn restart(attacked: Target, usual: Act, wire: Wire) -> Restart {
    let (attacked, took) = attacked.restart().await;
    let probes = prober::probe(&attacked, prober::PROBES_AFTER_RESTART).await;
    let usage = attacked.usage();
    drop(attacked);
    let other = Target::start(wire, Attack::ON_EMPTY.journal).await;
    usual(other.addresses()).await;
    let (_, usual) = other.restart().await;
    Restart {
        took,
        usual,
        probes,
        usage,
    }
}
