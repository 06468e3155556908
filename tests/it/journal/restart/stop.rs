//! What a server does when it is told to stop, or to do what it cannot.

use headcount::pb::{WatchRoomRequest, watch_room_response::Update};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::room::{ROOM, first_word, login, present, told};
use crate::common::child::{Site, ZEGO_APP};

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

/// A head after which the server asks for the body, so that it is known to wait.
const UPLOAD: &[u8] =
    b"POST /webhooks/zego HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";

#[tokio::test]
async fn a_drain_that_is_cut_off_loses_nothing() {
    let site = Site::new("[server]\ndrain_timeout = \"400ms\"");
    let mut process = site.start().await;
    login(&site, &["ann", "bob"]).await;
    let token = told(&site).await.unwrap().resume_token;
    let request = WatchRoomRequest {
        app: ZEGO_APP.to_owned(),
        room_id: ROOM.to_owned(),
        resume_token: String::new(),
    };
    let watch = site.client().watch_room(request).await.unwrap();
    let webhook = site.webhook();
    let address = webhook.strip_prefix("http://").unwrap();
    let mut upload = TcpStream::connect(address).await.unwrap();
    upload.write_all(UPLOAD).await.unwrap();
    let mut answer = [0; 12];
    upload.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    login(&site, &["cid"]).await;
    process.signal("TERM");
    process.says("what is left is cut off").await;
    let (code, said) = process.ends().await;
    assert_eq!(code, Some(0), "{said:#?}");
    drop((watch, upload));

    let _process = site.start().await;
    assert_eq!(present(&site).await, ["ann", "bob", "cid"]);
    let (_, word) = first_word(&site, &token).await;
    assert!(matches!(word, Update::Changes(_)), "{word:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_hangup_reloads_the_configuration() {
    let site = Site::new("");
    let mut process = site.start().await;
    process.signal("HUP");
    process.says("reloaded the configuration").await;
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
