//! Whether resume tokens from before a restart can be used after it.

use std::{fs, path::Path};

use headcount::pb::{SnapshotReason, room_change::Change, watch_room_response::Update};

use super::{
    checkpoints::OFTEN,
    room::{first_word, login, login_and_keep, present, told},
};
use crate::common::child::Site;

#[tokio::test]
async fn a_watch_goes_on_after_a_restart_with_what_it_missed() {
    let site = Site::new("");
    let process = site.start().await;
    login(&site, &["ann"]).await;
    let after_ann = told(&site).await.unwrap();
    login(&site, &["bob", "cid"]).await;
    let after_all = told(&site).await.unwrap();
    process.kill();

    let _process = site.start().await;
    assert_eq!(present(&site).await, ["ann", "bob", "cid"]);
    let (_, missed) = first_word(&site, &after_ann.resume_token).await;
    let Update::Changes(missed) = missed else {
        panic!("{missed:?}");
    };
    let joined = missed.changes.iter().map(|change| match &change.change {
        Some(Change::UserJoined(joined)) => joined.user.as_ref().unwrap().user_id.as_str(),
        other => panic!("{other:?}"),
    });
    // One message for each callback: the second may come later.
    assert_eq!(joined.collect::<Vec<_>>()[..1], ["bob"]);
    let (revision, nothing) = first_word(&site, &after_all.resume_token).await;
    assert!(matches!(nothing, Update::Progress(_)), "{nothing:?}");
    assert!(revision >= after_all.revision);
}

#[tokio::test]
async fn another_journal_is_another_epoch() {
    let wiped = Site::new("");
    let process = wiped.start().await;
    login(&wiped, &["ann"]).await;
    let token = told(&wiped).await.unwrap().resume_token;
    process.kill();
    fs::remove_dir_all(wiped.data()).unwrap();
    assert_begins_anew(&wiped, &token).await;

    let memory = Site::new("kind = \"memory\"");
    let process = memory.start().await;
    login(&memory, &["ann"]).await;
    let token = told(&memory).await.unwrap().resume_token;
    process.kill();
    assert_begins_anew(&memory, &token).await;
    assert!(!memory.data().exists(), "nothing is kept in memory's name");
}

async fn assert_begins_anew(site: &Site, token: &str) {
    let _process = site.start().await;
    assert_eq!(present(site).await, [""; 0]);
    let (_, word) = first_word(site, token).await;
    let Update::Snapshot(snapshot) = word else {
        panic!("{word:?}");
    };
    assert_eq!(snapshot.reason(), SnapshotReason::EpochChanged);
    assert_eq!(snapshot.users, []);
}

#[tokio::test]
async fn a_restored_backup_is_another_history() {
    assert_restored_is_another("").await;
}

#[tokio::test]
async fn a_restored_backup_with_checkpoints_is_another_history() {
    assert_restored_is_another(OFTEN).await;
}

async fn assert_restored_is_another(journal: &str) {
    let site = &Site::new(journal);
    let backup = tempfile::tempdir().unwrap();
    let process = site.start().await;
    login(site, &["bob"]).await;
    let before = told(site).await.unwrap().resume_token;
    process.kill();
    copy(&site.data(), backup.path());

    let process = site.start().await;
    login(site, &["zoe"]).await;
    let lost = told(site).await.unwrap();
    process.kill();
    fs::remove_dir_all(site.data()).unwrap();
    copy(backup.path(), &site.data());

    let mut process = site.start().await;
    // The journal ends before the token, and later it is past it.
    assert_snapshot(site, &lost.resume_token, &["bob"]).await;
    login(site, &["yan"]).await;
    let revision = told(site).await.unwrap().revision;
    assert!(revision >= lost.revision, "the journal outgrew the token");
    assert_snapshot(site, &lost.resume_token, &["bob", "yan"]).await;
    // What is in the backup is the same history.
    let (_, word) = first_word(site, &before).await;
    assert!(matches!(word, Update::Changes(_)), "{word:?}");
    if journal == OFTEN {
        login_and_keep(site, &mut process, &["xeno"]).await;
    } else {
        login(site, &["xeno"]).await;
    }
    process.kill();

    // The same after another start, also from a checkpoint.
    let _process = site.start().await;
    assert_snapshot(site, &lost.resume_token, &["bob", "yan", "xeno"]).await;
    let (_, word) = first_word(site, &before).await;
    assert!(matches!(word, Update::Changes(_)), "{word:?}");
}

async fn assert_snapshot(site: &Site, token: &str, users: &[&str]) {
    let (_, word) = first_word(site, token).await;
    let Update::Snapshot(snapshot) = word else {
        panic!("{word:?}");
    };
    assert_eq!(snapshot.reason(), SnapshotReason::EpochChanged);
    let there = snapshot.users.iter().map(|user| &*user.user_id);
    assert_eq!(there.collect::<Vec<_>>(), users);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        // Not the socket.
        if !file.file_type().unwrap().is_file() {
            continue;
        }
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
