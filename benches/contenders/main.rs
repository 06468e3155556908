//! Headcount beside its contenders, all on this machine: `cargo bench --bench contenders`.
//!
//! Each contender is a process of its own, started afresh for every round, and
//! the rounds are interleaved. `docs/benchmarks.md` says what is compared.

mod args;
mod contender;
mod load;
mod process;
mod report;
mod rows;
mod serve;
mod tls;

use std::{error::Error, process::ExitCode};

use clap::Parser as _;
use mimalloc::MiMalloc;

use self::args::Args;

/// The allocator of `headcount`, because the memory of members is measured in a process of this
/// program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Any error ends the run and is printed, so its type does not matter.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let args = Args::parse();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("contenders: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Outcome<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    if let Some(role) = args.serve {
        return runtime.block_on(serve::run(role, &args));
    }
    // `cargo test --benches` runs this file too, without `--bench`: it is built
    // then, and measures nothing.
    if !args.bench {
        println!("nothing is measured outside of `cargo bench --bench contenders`");
        return Ok(());
    }
    if args.tls {
        tls::begin()?;
    }
    runtime.block_on(rows::run(&args))
}
