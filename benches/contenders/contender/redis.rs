//! Redis, which keeps nothing on disk here.

use std::{net::SocketAddr, process::Command};

use super::{Running, listens};
use crate::{
    Outcome,
    process::{Process, free_address, until_up},
};

pub(super) async fn start() -> Outcome<Running> {
    let (process, address) = server().await?;
    Ok(Running {
        processes: vec![process],
        http: address,
        grpc: address,
        _folder: None,
    })
}

/// The server alone: no snapshots and no log of commands.
pub(super) async fn server() -> Outcome<(Process, SocketAddr)> {
    let address = free_address()?;
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string()]);
    command.args(["--save", "", "--appendonly", "no"]);
    let mut processes = vec![Process::start(&mut command)?];
    until_up(&mut processes, async || listens(address).await).await?;
    let process = processes.pop().ok_or("Redis was started")?;
    Ok((process, address))
}
