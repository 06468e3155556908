//! A roster of many members and nothing else, to see what a member takes.

use crate::{Outcome, args::Args};

pub(super) async fn run(_args: &Args) -> Outcome<()> {
    Ok(())
}
