//! What an entry costs the one writer, by how much there is of what the entry is about:
//! `cargo bench --bench writer`. All runs in this process, without a journal and without fronts.

mod cases;
mod entries;

use std::time::{Duration, Instant};

use headcount::{
    domain::{AppName, Logins},
    journal::{Entry, Epoch, Follower as _, Revision},
    reconcile::{Rules, user::User},
    roster::{Applier, Limits, Roster, SnapshotReason, Start, Watch},
};
use mimalloc::MiMalloc;

use self::{
    cases::{CASES, Case, plain},
    entries::{APP, user_id},
};

/// The allocator of `headcount`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const SIZES: [usize; 6] = [1, 10, 100, 1_000, 10_000, 20_000];

/// How often the callbacks of a case are measured. What is printed is the median.
const ROUNDS: usize = 101;

/// The entries of a journal that is replayed, and how often it is. What is printed is the least
/// time.
const REPLAYED: usize = 20_000;
const REPLAYS: usize = 3;

/// A roster that applies entries as they are handed to it.
struct Writer {
    roster: std::sync::Arc<Roster>,
    applier: Applier,
    last: Revision,
}

impl Writer {
    fn new() -> Self {
        let app = (AppName::from(APP), Logins::Concurrent);
        let (roster, applier) = Roster::new(Epoch(1), [app], Rules::default(), Limits::default());
        Self {
            roster,
            applier,
            last: 0,
        }
    }

    /// Applies entries. Returns how long that took.
    fn apply(&mut self, entries: &[Entry]) -> Duration {
        let begin = Instant::now();
        for entry in entries {
            self.last += 1;
            self.applier.apply(self.last, entry);
        }
        begin.elapsed()
    }

    fn watch(&self, users: usize) -> Vec<Watch<User>> {
        let app = AppName::from(APP);
        let start = Start::Snapshot(SnapshotReason::Initial);
        let watches =
            (0..users).filter_map(|user| self.roster.watch_user(&app, &user_id(user), start));
        watches.collect()
    }
}

fn main() {
    // `cargo test --benches` runs this file too, without `--bench`.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("nothing is measured outside of `cargo bench --bench writer`");
        return;
    }
    let sizes = SIZES.map(|size| format!("{size} |")).join(" ");
    println!("| µs for each callback, by the number of | {sizes} last ÷ first |");
    println!("| --- |{}", " ---: |".repeat(SIZES.len() + 1));
    for case in &CASES {
        let costs = SIZES.map(|size| cost(case, size));
        let cells = costs.map(|cost| format!("{cost:.2} |")).join(" ");
        let ratio = costs[SIZES.len() - 1] / costs[0];
        println!("| {} | {cells} {ratio:.1} |", case.name);
    }
    println!("\n| replay of {REPLAYED} entries | ms | ÷ plain |\n| --- | ---: | ---: |");
    let plain = replay(&plain(REPLAYED));
    println!("| logins of as many users, in rooms of 10 | {plain:.0} | |");
    for case in &CASES {
        let took = replay(&(case.journal)(REPLAYED));
        println!("| {} | {took:.0} | {:.2} |", case.name, took / plain);
    }
}

/// The median cost of a callback of a case, in microseconds.
fn cost(case: &Case, size: usize) -> f64 {
    let mut writer = Writer::new();
    writer.apply(&(case.fill)(size));
    writer.applier.caught_up();
    let watches = writer.watch(if case.is_watched { size } else { 0 });
    let mut costs: Vec<f64> = (0..ROUNDS)
        .map(|round| {
            let entries = (case.probe)(size, round);
            let events = (case.events)(size, entries.len());
            writer.apply(&entries).as_secs_f64() * 1e6 / events as f64
        })
        .collect();
    drop(watches);
    costs.sort_by(f64::total_cmp);
    costs[ROUNDS / 2]
}

/// How long it takes to apply a journal at a start, in milliseconds.
fn replay(journal: &[Entry]) -> f64 {
    let times = (0..REPLAYS).map(|_| Writer::new().apply(journal).as_secs_f64() * 1e3);
    times.fold(f64::INFINITY, f64::min)
}
