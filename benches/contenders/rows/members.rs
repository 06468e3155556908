//! What a present member takes.

use std::{env, process::Command};

use tokio::task;

use super::present;
use crate::{
    Outcome,
    args::Args,
    contender::{Contender, Running},
    load::{
        callback::{room_id, user_id},
        resp::{Redis, command},
        sender::value,
    },
    report::Report,
};

const MEMBERS: usize = 1_000_000;
const MEMBERS_PER_ROOM: usize = 100;
const BATCH: usize = 1000;

const ROW: &str = "present members";
/// Over how many seconds of the journal's time the logins are spread. Within one, all
/// of them are younger than the horizon; within six hours, nearly all are older.
const OURS: [(&str, u64); 2] = [
    ("headcount, all within a second", 1),
    ("headcount, after the horizon", 6 * 60 * 60),
];

const UNIT: &str = "bytes/member";

pub(crate) async fn run(args: &Args, report: &mut Report) -> Outcome<()> {
    let redis = present(args, report, &[(Contender::Redis, "Redis hashes")]);
    let members = args.shrunk(MEMBERS);
    for round in 0..args.repeat {
        eprintln!("{ROW}, round {}", round + 1);
        for (name, spread) in OURS {
            let bytes = ours(members, spread).await?;
            report.add((ROW, name), UNIT, bytes, None);
        }
        for &(contender, name) in &redis {
            let running = contender.start(args, None).await?;
            let bytes = theirs(&running, members).await?;
            report.add((ROW, name), UNIT, bytes, None);
        }
    }
    Ok(())
}

async fn ours(members: usize, spread_seconds: u64) -> Outcome<f64> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--serve", "members", "--count", &members.to_string()]);
    command.args(["--spread-seconds", &spread_seconds.to_string()]);
    let output = task::spawn_blocking(move || command.output()).await??;
    let figure = String::from_utf8(output.stdout)?.trim().parse();
    figure.map_err(|_| String::from_utf8_lossy(&output.stderr).into())
}

/// Bytes that Redis says it uses for each.
async fn theirs(running: &Running, members: usize) -> Outcome<f64> {
    let mut redis = Redis::open(running.http).await?;
    let before = used(&mut redis).await?;
    for begin in (0..members).step_by(BATCH) {
        let mut batch = Vec::new();
        let end = members.min(begin + BATCH);
        for member in begin..end {
            let (room, user, value) = (
                room_id(member / MEMBERS_PER_ROOM),
                user_id(member),
                value(member),
            );
            let words: [&[u8]; 4] = [b"HSET", room.as_bytes(), user.as_bytes(), value.as_bytes()];
            command(&mut batch, &words);
        }
        redis.send(&batch, end - begin).await?;
    }
    Ok((used(&mut redis).await? - before) / members as f64)
}

async fn used(redis: &mut Redis) -> Outcome<f64> {
    let info = redis
        .send(b"*2\r\n$4\r\nINFO\r\n$6\r\nmemory\r\n", 1)
        .await?;
    let info = String::from_utf8(info)?;
    let used = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    Ok(used
        .ok_or("Redis does not tell its memory")?
        .trim()
        .parse()?)
}
