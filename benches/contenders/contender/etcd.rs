//! etcd, one node. It syncs every write, as it does by default.

use std::process::Command;

use super::{Running, listens, scratch};
use crate::{
    Outcome,
    args::Args,
    process::{Process, free_address, until_up},
};

pub(super) async fn start(args: &Args) -> Outcome<Running> {
    let folder = scratch(args)?;
    let address = free_address()?;
    let (clients, peers) = (
        format!("http://{address}"),
        format!("http://{}", free_address()?),
    );
    let mut command = Command::new("etcd");
    command.arg("--data-dir").arg(folder.path());
    command.args([
        "--listen-client-urls",
        &clients,
        "--advertise-client-urls",
        &clients,
    ]);
    command.args([
        "--listen-peer-urls",
        &peers,
        "--initial-advertise-peer-urls",
        &peers,
    ]);
    command.args(["--initial-cluster", &format!("default={peers}")]);
    // Debian's service may have settings of its own in the environment.
    command.env_clear();
    let mut processes = vec![Process::start(&mut command)?];
    until_up(&mut processes, async || listens(address).await).await?;
    Ok(Running {
        processes,
        http: address,
        grpc: address,
        _folder: Some(folder),
    })
}
