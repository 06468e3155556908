//! What a server does when it is told to stop, or to do what it cannot.

use super::room::{login, present};
use crate::common::child::Site;

#[tokio::test]
async fn a_stop_leaves_nothing_to_replay() {
    let site = Site::new("");
    let mut process = site.start().await;
    login(&site, &["ann", "bob"]).await;
    process.signal("TERM");
    process.says("drained").await;
    process.says("wrote a checkpoint").await;
    let (code, said) = process.ends().await;
    assert_eq!(code, Some(0), "{said:#?}");

    let mut process = site.spawn();
    let line = process.says("loaded the checkpoint").await;
    let (_, revision) = line.split_once("revision=").unwrap();
    let line = process.says("replayed the journal").await;
    let nothing = format!("after={revision} last={revision} ");
    assert!(line.contains(&nothing), "{line}");
    process.says("serving callbacks on").await;
    assert_eq!(present(&site).await, ["ann", "bob"]);
    // With nothing new there is nothing to write.
    process.signal("TERM");
    let (code, said) = process.ends().await;
    assert_eq!(code, Some(0), "{said:#?}");
    let wrote = said
        .iter()
        .filter(|line| line.contains("wrote a checkpoint"));
    assert_eq!(wrote.count(), 0, "{said:#?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_hangup_is_ignored_aloud() {
    let site = Site::new("");
    let mut process = site.start().await;
    process.signal("HUP");
    process.says("SIGHUP is ignored").await;
    login(&site, &["ann"]).await;
    assert_eq!(present(&site).await, ["ann"]);
}

#[cfg(unix)]
#[tokio::test]
async fn the_data_folder_is_its_owners_alone_whatever_the_umask() {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt as _,
        process::Command,
    };

    let site = Site::new("");
    let assert_closed = || {
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&site.data()) & 0o777, 0o700);
        let files = site.files("");
        assert!(files.len() >= 3, "{files:?}");
        for file in files {
            assert_eq!(mode(&site.data().join(&file)) & 0o777, 0o600, "{file}");
        }
    };
    let mut open = Command::new("sh");
    open.arg("-c")
        .arg(format!(
            "umask 0; exec {} \"$@\"",
            crate::common::child::BINARY
        ))
        .arg("sh");
    let mut process = site.spawn_by(open);
    process.says("serving callbacks on").await;
    login(&site, &["ann"]).await;
    assert_closed();
    process.signal("TERM");
    process.ends().await;
    assert_closed();

    // As a copy may have it.
    fs::set_permissions(site.data(), Permissions::from_mode(0o755)).unwrap();
    for file in site.files("") {
        fs::set_permissions(site.data().join(file), Permissions::from_mode(0o644)).unwrap();
    }
    let _process = site.start().await;
    assert_closed();
}
