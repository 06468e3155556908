//! A data folder whose space is limited.

use std::fs;

use http::StatusCode;

use super::room::{ROOM, present};
use crate::common::child::{Sender, Site, metric, now, zego};

const BYTES_MAX: u64 = 32 << 20;
const BODY: usize = 190_000;
/// Together they are far longer than the folder may be.
const CALLBACKS: u64 = 250;
const USERS: u64 = 10;
/// Only not to try for ever where it fails.
const TRIES_MAX: usize = 100_000;

fn folder_bytes(site: &Site) -> u64 {
    let files = site.files("").into_iter();
    // One may have been dropped meanwhile.
    let lengths = files.filter_map(|name| fs::metadata(site.data().join(name)).ok());
    lengths.map(|metadata| metadata.len()).sum()
}

/// Sends a login as a vendor does: again, until it is taken.
async fn login(sender: &Sender, number: u64) {
    let user = format!("user-{}", number % USERS);
    for _ in 0..TRIES_MAX {
        let post = zego((ROOM, number), (&user, &user), now(), None).padded(BODY);
        let (status, answer) = sender.post(&post).await.unwrap();
        if status == StatusCode::OK {
            return;
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
        assert!(answer.contains("journal.bytes_max"), "{answer}");
    }
    panic!("it is never taken");
}

#[tokio::test]
async fn more_callbacks_than_fit_are_taken_and_only_history_is_lost() {
    let site = Site::new("bytes_max = \"32MiB\"");
    let mut process = site.start().await;
    let sender = Sender::new(site.webhook());
    for number in 1..=CALLBACKS {
        login(&sender, number).await;
        let bytes = folder_bytes(&site);
        assert!(bytes <= BYTES_MAX, "{bytes} after {number}");
    }
    let line = process
        .says("dropped callbacks before journal.retention")
        .await;
    assert!(line.contains("segments="), "{line}");
    let value = |name| metric(&site, name).parse::<u64>().unwrap();
    assert!(value("headcount_journal_segments_dropped_early_total") > 0);
    assert_eq!(value("headcount_journal_bytes_max"), BYTES_MAX);
    let bytes = value("headcount_journal_bytes");
    assert!((BODY as u64..=BYTES_MAX).contains(&bytes), "{bytes}");
    assert_eq!(present(&site).await.len(), USERS as usize);
    process.kill();

    let first = &site.files(".segment")[0];
    assert!(!first.starts_with("00000000000000000001-"), "{first}");
    let _process = site.start().await;
    assert_eq!(present(&site).await.len(), USERS as usize);
}
