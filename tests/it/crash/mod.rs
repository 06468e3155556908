//! The service is killed again and again while callbacks come in as fast as they are
//! answered. Whatever was acknowledged is there afterwards, and watches resume
//! from where the stream broke.
//!
//! ```sh
//! HEADCOUNT_CRASHES=25 cargo test --test it -- crash --nocapture
//! ```
mod check;
mod model;
mod vendor;
mod watcher;

use std::{env, str::FromStr, sync::Arc};

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use tokio::{sync::watch, task::JoinSet};

use crate::common::child::Site;

use self::{
    check::Checker,
    vendor::{LANES, Lane, Traffic},
    watcher::Watchers,
};

/// Checkpoints as often as there can be, of segments that are dropped right away.
const JOURNAL: &str = "checkpoint_interval = \"1s\"\ncheckpoint_entries = 300\nretention = \"1s\"";

/// Callbacks between two kills, at most, if it is not waited for a checkpoint.
const ACKNOWLEDGED_MAX: u32 = 3000;
/// Callbacks after which a checkpoint should have been seen in the making.
const CHECKPOINT_WITHIN: u32 = 30_000;

/// When to kill.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// After so many more callbacks are acknowledged.
    After(u32),
    /// When a file is there that is only half written.
    HalfWritten,
}

fn setting<T: FromStr>(name: &str) -> Option<T> {
    env::var(name).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_kills() {
    let crashes = setting("HEADCOUNT_CRASHES").unwrap_or(3_u32);
    let seed = setting("HEADCOUNT_CRASH_SEED").unwrap_or_else(rand::random);
    println!("HEADCOUNT_CRASH_SEED={seed}");
    let traffic = Arc::new(Traffic::new());
    let mut lanes: JoinSet<()> = JoinSet::new();
    let site = Site::new(JOURNAL);
    for lane in 0..LANES {
        let lane = Lane::new(lane, seed, Arc::clone(&traffic), site.webhook());
        lanes.spawn(lane.run());
    }
    let killing = crash(&site, &traffic, crashes, seed);
    let (mut checker, watchers) = tokio::select! {
        done = killing => done,
        ended = lanes.join_next() => panic!("the vendor gave up: {ended:?}"),
    };
    traffic.stop();
    while let Some(ended) = lanes.join_next().await {
        ended.unwrap();
    }
    assert_eq!(traffic.model.lock().in_flight(), 0);
    checker.check(&traffic, &watchers).await;
    checker.check_numbers(0);
    let resumes = watchers.tally();
    println!(
        "crash: {crashes} kills, {} callbacks acknowledged, {} of them after being sent again, \
         {} kills left a half-written file, {resumes}",
        traffic.acknowledged(),
        traffic.repeated(),
        checker.half_written,
    );
    assert!(
        resumes.went_on > 9 * resumes.expired,
        "history is in checkpoints, so watches should go on: {resumes}"
    );
}

/// Kills so often; afterwards the service runs and the vendor sends.
async fn crash(
    site: &Site,
    traffic: &Arc<Traffic>,
    crashes: u32,
    seed: u64,
) -> (Checker, Watchers) {
    let mut dice = Pcg64::seed_from_u64(seed);
    let mut process = site.start().await;
    let (up_tx, up) = watch::channel(site.client());
    let watchers = Watchers::spawn(&up);
    let mut checker = Checker::new(site);
    for crash in 0..crashes {
        traffic.open();
        let moment = match crash % 2 {
            0 => Moment::After(dice.random_range(1..=ACKNOWLEDGED_MAX)),
            _ => Moment::HalfWritten,
        };
        wait_for(moment, traffic, site).await;
        // Without any checkpoint nothing is remembered of the users who are watched.
        while site.files(".checkpoint").is_empty() {
            traffic.next_acknowledged().await;
        }
        process.kill();
        // The senders and watchers notice that their connections are closed.
        traffic.close().await;
        checker.note_half_written(site);
        process = site.start().await;
        checker.client = site.client();
        up_tx.send_replace(site.client());
        checker.check(traffic, &watchers).await;
        checker.check_numbers(LANES as u32);
    }
    traffic.open();
    // Kept until the test is over.
    checker.last = Some((process, up_tx));
    wait_for(Moment::After(100), traffic, site).await;
    (checker, watchers)
}

async fn wait_for(moment: Moment, traffic: &Traffic, site: &Site) {
    let (count, looks) = match moment {
        Moment::After(count) => (count, false),
        Moment::HalfWritten => (CHECKPOINT_WITHIN, true),
    };
    for _ in 0..count {
        traffic.next_acknowledged().await;
        if looks && !site.files(".checkpoint.new").is_empty() {
            return;
        }
    }
}
