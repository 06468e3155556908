//! Writes a journal of many callbacks.

use crate::{Outcome, args::Args};

pub(super) async fn run(_args: &Args) -> Outcome<()> {
    Ok(())
}
