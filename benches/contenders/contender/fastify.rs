//! What a user would write today: fastify and ioredis, in front of Redis.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{Running, listens, redis};
use crate::{
    Outcome,
    args::Args,
    load::callback::SECRET,
    process::{Process, free_address, until_up},
};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/contenders/fastify");
const FILES: [&str; 4] = ["package.json", "package-lock.json", ".npmrc", "server.js"];

pub(super) async fn start(args: &Args) -> Outcome<Running> {
    let folder = install(&args.scratch)?;
    let (server, redis) = redis::server().await?;
    let http = free_address()?;
    let mut command = Command::new("node");
    command
        .arg(folder.join("server.js"))
        .env("NODE_ENV", "production");
    command.args([
        http.port().to_string(),
        redis.port().to_string(),
        SECRET.into(),
    ]);
    let mut processes = vec![server, Process::start(&mut command)?];
    until_up(&mut processes, async || listens(http).await).await?;
    Ok(Running {
        processes,
        http,
        grpc: redis,
        _folder: None,
    })
}

/// Installs what the lock file names, once.
fn install(scratch: &Path) -> Outcome<PathBuf> {
    let folder = scratch.join("fastify");
    fs::create_dir_all(&folder)?;
    let lock = "package-lock.json";
    let is_there = fs::read(folder.join("node_modules/.lock")).ok()
        == Some(fs::read(Path::new(SOURCE).join(lock))?);
    for file in FILES {
        fs::copy(Path::new(SOURCE).join(file), folder.join(file))?;
    }
    if !is_there {
        let installed = Command::new("npm")
            .args(["ci", "--silent", "--no-audit", "--no-fund"])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .status()?;
        if !installed.success() {
            return Err("npm ci failed".into());
        }
        fs::copy(folder.join(lock), folder.join("node_modules/.lock"))?;
    }
    Ok(folder)
}
