//! What this file is when another of it starts it.

mod bare;
mod bare_grpc;
mod journal;
mod members;

use crate::{
    Outcome,
    args::{Args, Role},
};

pub(crate) async fn run(role: Role, args: &Args) -> Outcome<()> {
    match role {
        Role::Bare => bare::run(args).await,
        Role::Members => members::run(args).await,
        Role::Journal => journal::run(args).await,
    }
}
