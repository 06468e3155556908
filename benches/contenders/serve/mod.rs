//! What this program does if the benchmark starts it as a helper process.

mod bare;
mod bare_grpc;
mod journal;
mod login;
mod members;

pub(crate) use self::bare_grpc::{GET as BARE_GET, WATCH as BARE_WATCH};

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
