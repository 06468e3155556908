//! Folders that the service does not start with. It says why, on one line.

use std::fs;

use headcount::pb::{SnapshotReason, watch_room_response::Update};

use super::room::{first_word, login, present, told};
use crate::common::child::Site;

/// The last line of a process that does not start; the only one that is no log.
async fn refusal(site: &Site) -> String {
    let (code, said) = site.spawn().ends().await;
    assert_eq!(code, Some(1), "{said:#?}");
    let is_log = |line: &&String| line.starts_with("20") && line.contains("headcount::");
    let told: Vec<_> = said.iter().filter(|line| !is_log(line)).collect();
    assert_eq!(told.len(), 1, "{said:#?}");
    told[0].clone()
}

#[tokio::test]
async fn a_folder_has_one_process() {
    let site = Site::new("");
    let process = site.start().await;
    let holder = process.id();
    let told = refusal(&site).await;
    let expected = format!("is in use by process {holder}");
    assert!(told.ends_with(&expected), "{told}");
    assert!(told.contains(site.data().to_str().unwrap()), "{told}");
    login(&site, &["ann"]).await;
}

#[tokio::test]
async fn a_folder_of_another_version_is_left_alone() {
    let site = Site::new("");
    site.start().await.kill();
    let format = site.data().join("format");
    let text = fs::read_to_string(&format).unwrap();
    fs::write(&format, text.replace("version 1", "version 2")).unwrap();
    let begun = site.data().join("00000000000000000009.checkpoint.new");
    fs::write(&begun, "of another version").unwrap();
    let told = refusal(&site).await;
    let expected = "is of format 2, and this version reads format 1";
    assert!(told.ends_with(expected), "{told}");
    assert!(begun.exists());
}

#[tokio::test]
async fn what_was_not_finished_is_removed() {
    let site = Site::new("");
    site.start().await.kill();
    let begun = site.data().join("00000000000000000009.checkpoint.new");
    fs::write(&begun, "half").unwrap();
    let _process = site.start().await;
    assert!(!begun.exists());
}

#[tokio::test]
async fn a_damaged_segment_is_named() {
    // All of it, and here and there: wherever nothing is kept, damage does no harm.
    for step in [1, 64] {
        let site = Site::new("");
        let process = site.start().await;
        login(&site, &["ann", "bob"]).await;
        process.kill();
        let [segment] = &site.files(".segment")[..] else {
            panic!("more than one segment");
        };
        let path = site.data().join(segment);
        let mut bytes = fs::read(&path).unwrap();
        for at in (step - 1..bytes.len()).step_by(step) {
            bytes[at] ^= 0x40;
        }
        fs::write(path, bytes).unwrap();
        let refused = refusal(&site).await;
        assert!(refused.contains(segment), "{refused}");
        assert!(refused.contains("--accept-loss"), "{refused}");
    }
}

#[tokio::test]
async fn a_loss_is_accepted_aloud_and_clients_notice() {
    let site = Site::new("");
    let process = site.start().await;
    login(&site, &["ann"]).await;
    process.kill();
    let process = site.start().await;
    login(&site, &["bob"]).await;
    let token = told(&site).await.unwrap().resume_token;
    process.kill();
    let segment = site.files(".segment").pop().unwrap();
    fs::remove_file(site.data().join(&segment)).unwrap();
    let refused = refusal(&site).await;
    assert!(refused.contains(&segment), "{refused}");

    let mut process = site.spawn_with("--accept-loss");
    let line = process.says("accepted the loss of").await;
    assert!(line.contains("revisions from 2 on"), "{line}");
    process.says("under a new epoch").await;
    process.says("serving callbacks on").await;
    assert_eq!(present(&site).await, ["ann"]);
    let (_, word) = first_word(&site, &token).await;
    let Update::Snapshot(snapshot) = word else {
        panic!("{word:?}");
    };
    assert_eq!(snapshot.reason(), SnapshotReason::EpochChanged);
    login(&site, &["cid"]).await;
    process.kill();
    let _process = site.start().await;
    assert_eq!(present(&site).await, ["ann", "cid"]);
}
