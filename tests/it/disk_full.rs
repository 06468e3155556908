//! A full disk: callbacks are refused, and everything else goes on. When there is space again,
//! callbacks are accepted again, without a restart.
//!
//! With `HEADCOUNT_SMALL_DISK`, a folder on a disk of some megabytes, that disk is
//! filled; `.ci/disk_full.sh` makes one. Without it, the size of the files that the
//! process may write is limited.
#![cfg(target_os = "linux")]

use std::{
    env,
    fs::{self, File},
    io::Write as _,
    path::PathBuf,
    process::Command,
    time::Duration,
};

use headcount::pb::WatchRoomResponse;
use headcount_client::{CopyOf, Subject as _, WatchedRoom};
use http::StatusCode;
use tonic::Streaming;
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
};

use crate::common::child::{Process, Sender, Site, ZEGO_APP, get, metric, now, zego};

const ROOM: &str = "lobby";
/// Checkpoints as soon as there is news.
const OFTEN: &str = "checkpoint_interval = \"1s\"\ncheckpoint_entries = 1";
/// All that is journalled is in the last segment, which is not dropped whatever the disk lacks.
const SELDOM: &str = "checkpoint_interval = \"1h\"";

/// Far more callbacks than a small disk has room for.
const CALLBACKS_MAX: u64 = 100_000;

/// Only not to wait for ever where it fails.
const HANGS: Duration = Duration::from_secs(60);

/// How room is taken from the service.
enum Shortage {
    Disk(PathBuf),
    Limit,
}

impl Shortage {
    fn new() -> Self {
        env::var_os("HEADCOUNT_SMALL_DISK").map_or(Self::Limit, |disk| Self::Disk(disk.into()))
    }

    fn site(&self) -> Site {
        match self {
            Self::Disk(disk) => Site::in_folder(tempfile::tempdir_in(disk).unwrap(), SELDOM),
            Self::Limit => Site::new(OFTEN),
        }
    }

    fn begin(&self, process: &Process) {
        match self {
            Self::Disk(disk) => fill(File::create(disk.join("filling")).unwrap()),
            Self::Limit => process.limit_files("4096:"),
        }
    }

    fn end(&self, process: &Process) {
        match self {
            Self::Disk(disk) => fs::remove_file(disk.join("filling")).unwrap(),
            Self::Limit => process.limit_files("unlimited:"),
        }
    }
}

fn fill(mut file: File) {
    for piece in [1 << 16, 1 << 12, 1 << 8, 1] {
        while file.write_all(&vec![0; piece]).is_ok() {}
    }
}

async fn next_health(health: &mut Streaming<HealthCheckResponse>) -> ServingStatus {
    let next = tokio::time::timeout(HANGS, health.message()).await;
    next.expect("it hangs").unwrap().unwrap().status()
}

async fn present(site: &Site) -> usize {
    let users = site.users(ROOM).await.unwrap();
    users.room.unwrap().user_count as usize
}

/// Waits until a watch has so many users, and then for one more message.
async fn watch_until(
    watch: &mut Streaming<WatchRoomResponse>,
    copy: &mut CopyOf<WatchedRoom>,
    count: usize,
) {
    let told = async {
        loop {
            let is_there = copy.users().len() == count;
            copy.apply(&watch.message().await.unwrap().unwrap())
                .unwrap();
            if is_there {
                return;
            }
        }
    };
    tokio::time::timeout(HANGS, told).await.expect("it hangs");
}

async fn login(sender: &Sender, number: u64) -> StatusCode {
    let user = format!("user-{number}");
    let post = zego((ROOM, number), (&user, &user), now(), None);
    sender.post(&post).await.unwrap().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_room_only_callbacks_are_refused() {
    if Command::new("prlimit").arg("--version").output().is_err() {
        println!("SKIPPED: there is no prlimit");
        return;
    }
    let shortage = Shortage::new();
    let site = shortage.site();
    let process = site.start_limitable().await;
    let sender = Sender::new(site.webhook());
    let request = HealthCheckRequest {
        service: "headcount.journal".to_owned(),
    };
    let health = site.health().watch(request).await;
    let mut health = health.unwrap().into_inner();
    while next_health(&mut health).await != ServingStatus::Serving {}
    let mut copy = CopyOf::new();
    let watch = WatchedRoom::watch(
        site.client(),
        ZEGO_APP.to_owned(),
        ROOM.to_owned(),
        String::new(),
    );
    let mut watch = watch.await.unwrap();
    assert_eq!(login(&sender, 1).await, StatusCode::OK);

    shortage.begin(&process);
    let mut taken = 1;
    let refused = loop {
        match login(&sender, taken as u64 + 1).await {
            StatusCode::OK => taken += 1,
            other => break other,
        }
        assert!(taken as u64 <= CALLBACKS_MAX, "there is still room");
    };
    assert_eq!(refused, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(next_health(&mut health).await, ServingStatus::NotServing);
    assert_eq!(metric(&site, "headcount_journal_failing"), "1");
    // Every front says so.
    let (status, reason) = get(site.admin(), "/readyz");
    assert!(
        status == 503 && reason.starts_with("cannot journal: "),
        "{reason}"
    );
    let told = (503, "cannot journal".to_owned());
    assert_eq!(get(site.webhook_address(), "/healthz"), told);
    assert_eq!(get(site.admin(), "/healthz"), (200, "ok".to_owned()));
    // Of the service as a whole: it answers.
    let request = HealthCheckRequest::default();
    let whole = site.health().check(request).await.unwrap().into_inner();
    assert_eq!(whole.status(), ServingStatus::Serving);
    assert_eq!(present(&site).await, taken);
    watch_until(&mut watch, &mut copy, taken).await;
    let again = login(&sender, taken as u64 + 1).await;
    assert_eq!(again, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(present(&site).await, taken, "what was refused is nowhere");

    shortage.end(&process);
    // No callback is sent: the journal notices by itself that there is space.
    assert_eq!(next_health(&mut health).await, ServingStatus::Serving);
    assert_eq!(metric(&site, "headcount_journal_failing"), "0");
    assert_eq!(get(site.admin(), "/readyz"), (200, "ready".to_owned()));
    assert_eq!(get(site.webhook_address(), "/healthz").0, 200);
    assert_eq!(login(&sender, taken as u64 + 1).await, StatusCode::OK);
    watch_until(&mut watch, &mut copy, taken + 1).await;
    process.kill();
    let _process = site.start_limitable().await;
    assert_eq!(present(&site).await, taken + 1);
    println!("disk full: {taken} callbacks taken, then refused; afterwards all of them are there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_lets_callbacks_be_dropped_that_a_checkpoint_covers() {
    let shortage = Shortage::new();
    let Shortage::Disk(disk) = &shortage else {
        println!("SKIPPED: HEADCOUNT_SMALL_DISK names no disk");
        return;
    };
    let site = Site::in_folder(tempfile::tempdir_in(disk).unwrap(), OFTEN);
    let mut process = site.start_limitable().await;
    let sender = Sender::new(site.webhook());
    let mut number = 0;
    for _ in 0..3 {
        number += 1;
        assert_eq!(login(&sender, number).await, StatusCode::OK);
        process.says("wrote a checkpoint").await;
    }
    shortage.begin(&process);
    while metric(&site, "headcount_journal_segments_dropped_early_total") == "0" {
        assert!(number <= CALLBACKS_MAX, "there is still room");
        number += u64::from(login(&sender, number + 1).await == StatusCode::OK);
    }
    process
        .says("dropped callbacks before journal.retention")
        .await;
    let again = async { while login(&sender, number + 1).await != StatusCode::OK {} };
    tokio::time::timeout(HANGS, again).await.expect("it hangs");
    assert_eq!(present(&site).await as u64, number + 1);
    shortage.end(&process);
}
