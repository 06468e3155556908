//! The `headcount` command: see [`headcount::cli`].

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// What one thread allocates another frees, all the time, which the system's allocator
/// takes locks for.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    headcount::cli::main()
}
