//! Checkpoints that do not load, and entries that only they still know of.

use std::fs;

use super::room::{login, login_and_keep, present};
use crate::common::child::Site;

/// Checkpoints as soon as there is news.
pub(super) const OFTEN: &str = "checkpoint_interval = \"1s\"\ncheckpoint_entries = 1\n";
const SKIPPED: &str = "the checkpoint does not load: trying the one before";

fn flip_a_byte(site: &Site, file: &str) {
    let path = site.data().join(file);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(path, bytes).unwrap();
}

/// A site with two checkpoints and an entry after them. The service does not run.
async fn two_checkpoints(journal: &str) -> (Site, [String; 2]) {
    let site = Site::new(&format!("{OFTEN}{journal}"));
    let mut process = site.start().await;
    login_and_keep(&site, &mut process, &["ann"]).await;
    login_and_keep(&site, &mut process, &["bob"]).await;
    login(&site, &["cid"]).await;
    process.kill();
    // The third may have been written by now.
    let checkpoints = site.files(".checkpoint");
    let [.., before, latest] = &checkpoints[..] else {
        panic!("{checkpoints:?}");
    };
    (site, [before.clone(), latest.clone()])
}

#[tokio::test]
async fn a_checkpoint_that_does_not_load_is_skipped_aloud() {
    let (site, [before, latest]) = two_checkpoints("").await;
    flip_a_byte(&site, &latest);
    let mut process = site.spawn();
    let line = process.says(SKIPPED).await;
    assert!(line.contains("is damaged"), "{line}");
    let revision = before
        .trim_end_matches(".checkpoint")
        .trim_start_matches('0');
    process
        .says(&format!("loaded the checkpoint revision={revision}"))
        .await;
    process.says("serving").await;
    assert_eq!(present(&site).await, ["ann", "bob", "cid"]);
}

#[tokio::test]
async fn without_a_checkpoint_the_whole_journal_is_replayed() {
    let (site, checkpoints) = two_checkpoints("").await;
    checkpoints.iter().for_each(|file| flip_a_byte(&site, file));
    let mut process = site.spawn();
    process.says(SKIPPED).await;
    process.says(SKIPPED).await;
    let line = process.says("replayed the journal").await;
    assert!(line.contains("after=0"), "{line}");
    process.says("serving").await;
    assert_eq!(present(&site).await, ["ann", "bob", "cid"]);
}

#[tokio::test]
async fn entries_that_a_checkpoint_covers_are_dropped_when_they_are_old() {
    let (site, _) = two_checkpoints("retention = \"1ms\"").await;
    let segments = site.files(".segment");
    assert!(
        !segments[0].starts_with("00000000000000000001-"),
        "{segments:?}"
    );
    let process = site.start().await;
    assert_eq!(present(&site).await, ["ann", "bob", "cid"]);
    process.kill();

    for file in site.files(".checkpoint") {
        flip_a_byte(&site, &file);
    }
    let first = &site.files(".segment")[0];
    let (code, said) = site.spawn().ends().await;
    assert_eq!(code, Some(1));
    let last = said.last().unwrap();
    let is_named = last.contains("the journal lacks the entries of revisions 1 to ")
        && last.contains(&format!(", before {first}; restore the whole folder"));
    assert!(is_named, "{said:#?}");
}
