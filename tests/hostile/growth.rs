//! What an authentic sender makes grow: the server has little memory, refuses what does not fit,
//! serves all the same, and starts again with what it had.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use crate::{
    attack::Attack,
    child::{Post, now, zego},
    prober::{self, PROBES},
    report::Outcome,
    target::{Addresses, Target, Wire},
};
use futures_util::{FutureExt as _, future::join_all};

/// What the process may take at most, in MiB.
const MEMORY_MAX: u64 = 512;

/// What the process has where there is as much memory: without the second line, half of the
/// machine's memory would be its default.
const CONFIG: &str = "kind = \"disk\"\n[roster]\nbytes_max = \"256MiB\"";

/// Connections of the sender.
const SENDERS: u64 = 16;

/// How long an id may be, in bytes, less what numbers it.
const ID_BYTES: usize = 1_024 - 8;

/// Every attack of this kind.
static ALL: [Attack; 2] = [
    Attack {
        name: "ids of 1,024 bytes",
        memory_max: MEMORY_MAX,
        run: |to| send(to, 72_000, with_long_ids).boxed(),
        shows: Some("headcount_limits_reached_total"),
        ..Attack::ON_EMPTY
    },
    Attack {
        name: "nicknames of 250 KB",
        memory_max: MEMORY_MAX,
        run: |to| send(to, 1_800, with_long_nickname).boxed(),
        ..Attack::ON_EMPTY
    },
];

/// Runs those of the attacks that are wanted. Returns what must not be.
pub(crate) async fn run(is_wanted: impl Fn(&&'static Attack) -> bool, wire: Wire) -> Vec<String> {
    let mut faults = Vec::new();
    for attack in ALL.iter().filter(is_wanted) {
        faults.extend(run_one(attack, wire).await);
    }
    faults
}

async fn run_one(attack: &'static Attack, wire: Wire) -> Vec<String> {
    let target = Target::start(wire, CONFIG).await;
    // The prober's users are there before the roster is full.
    let sender = target.addresses().sender();
    for number in 1..=PROBES {
        let (user, session) = (format!("user-{number}"), number.to_string());
        let post = zego(("lobby", number), (&user, &session), now(), None);
        sender.post(&post).await.unwrap();
    }
    let attackers = tokio::spawn((attack.run)(target.addresses()));
    let mut probes = prober::probe(&target, PROBES).await;
    attackers.await.unwrap();
    // When it is as full as it gets.
    let after = prober::probe(&target, PROBES / 4).await;
    probes.add(after);
    let has_effect = target.shows(attack).await;
    let outcome = Outcome {
        attack,
        probes,
        has_effect,
        usage: target.usage(),
        restart: None,
    };
    println!("{outcome}");
    let mut faults = outcome.faults();
    let users = users(&target).await;
    // Once from the journal alone, and once from the checkpoint that a stop leaves.
    let killed = target.restart_after("KILL").await;
    let stopped = killed.restart_after("TERM").await;
    let restarted = users_after(attack, &stopped, users).await;
    faults.extend(restarted);
    faults
}

/// Whether all are there after a restart, and the server serves.
async fn users_after(attack: &'static Attack, target: &Target, before: f64) -> Vec<String> {
    let name = attack.name;
    let after = users(target).await;
    let lost = (after != before)
        .then(|| format!("{name}: {before} users before the restart, {after} after it"));
    let probes = prober::probe(target, PROBES / 4).await;
    let served = Outcome {
        attack,
        probes,
        has_effect: true,
        usage: target.usage(),
        restart: None,
    };
    println!("{}", served.to_string().replacen(name, "… restarted", 1));
    lost.into_iter().chain(served.faults()).collect()
}

/// How many users the server says there are.
async fn users(target: &Target) -> f64 {
    target.metric("headcount_users").await
}

/// Sends so many callbacks, whatever the answers are.
async fn send(to: Addresses, count: u64, callback: fn(u64) -> Post) {
    let next = Arc::new(AtomicU64::new(0));
    let senders = (0..SENDERS).map(|_| {
        let next = Arc::clone(&next);
        tokio::spawn(async move {
            let sender = to.sender();
            loop {
                let number = next.fetch_add(1, Relaxed);
                if number >= count {
                    break;
                }
                let _ = sender.post(&callback(number)).await;
            }
        })
    });
    join_all(senders).await;
}

/// A login of another user to another room.
fn with_long_ids(number: u64) -> Post {
    let id = format!("{}{number:08}", "x".repeat(ID_BYTES));
    zego((&id, 1), (&id, &id), now(), None)
}

fn with_long_nickname(number: u64) -> Post {
    let user = format!("someone-{number}");
    let mut post = zego(("crowd", number + 1), (&user, &user), now(), None);
    let short = format!("\"user_nickname\":\"{user}\"");
    let long = format!("\"user_nickname\":\"{}\"", "é".repeat(125_000));
    assert!(post.body.contains(&short), "{}", post.body);
    // The signature does not cover it.
    post.body = post.body.replace(&short, &long);
    post
}
