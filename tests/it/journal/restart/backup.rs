//! `headcount journal backup`, of a server that runs and of one that does not.
#![cfg(unix)]

use std::{fs, path::Path, process::Output};

use headcount::{
    control::Connection,
    pb::{SnapshotReason, watch_room_response::Update},
};
use tempfile::TempDir;
use tokio::{
    sync::{oneshot, watch},
    task::{JoinHandle, spawn_blocking},
};

use super::{
    checkpoints::OFTEN,
    room::{first_word, login, login_and_keep, present, told},
};
use crate::{common::child::Site, journal::command::folder::run};

async fn back_up(data: &Path, target: &Path) -> Output {
    let (data, target) = (data.to_owned(), target.to_owned());
    let backup = move || {
        let [data, target] = [&data, &target].map(|path| path.to_str().unwrap());
        run(&["backup", "--data", data, target])
    };
    spawn_blocking(backup).await.unwrap()
}

#[track_caller]
fn assert_copied(output: &Output, target: &Path) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(said.starts_with(target.to_str().unwrap()), "{said}");
    assert!(said.contains("through revision "), "{said}");
}

#[track_caller]
fn assert_failed(output: &Output, word: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said.contains(word), "{said}");
}

/// Lets users log in, one after the other, until it is told to stop. Returns how many were
/// acknowledged, as it goes on and at the end.
fn load(site: &Site) -> (watch::Receiver<u64>, oneshot::Sender<()>, JoinHandle<()>) {
    use crate::common::child::{Sender, now, zego};

    let (count_tx, count) = watch::channel(0);
    let (stop_tx, mut stop) = oneshot::channel::<()>();
    let sender = Sender::new(site.webhook());
    let sending = tokio::spawn(async move {
        for number in 1.. {
            let user = format!("user-{number:06}");
            let post = zego((super::room::ROOM, number), (&user, &user), now(), None);
            let (status, answer) = sender.post(&post).await.unwrap();
            assert_eq!(status, http::StatusCode::OK, "{answer}");
            count_tx.send_replace(number);
            if stop.try_recv().is_ok() {
                return;
            }
        }
    });
    (count, stop_tx, sending)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_has_what_was_acknowledged_before() {
    // Files are dropped as soon as they may be.
    let site = Site::new(&format!("{OFTEN}retention = \"1ms\"\n"));
    let copy = Site::new("");
    let process = site.start().await;
    let (mut count, stop, sending) = load(&site);
    count.wait_for(|count| *count >= 50).await.unwrap();
    let before = *count.borrow();
    assert_copied(&back_up(&site.data(), &copy.data()).await, &copy.data());
    // Another server may start, while the first one goes on.
    let copied = copy.start().await;
    let users = present(&copy).await;
    assert!(users.len() as u64 >= before, "{} of {before}", users.len());
    let last = format!("user-{:06}", users.len());
    assert_eq!(users.last(), Some(&last), "there is a gap");
    let so_far = *count.borrow();
    count.wait_for(|count| *count > so_far).await.unwrap();
    stop.send(()).unwrap();
    sending.await.unwrap();

    // What came later is another history.
    let lost = told(&site).await.unwrap();
    let (_, word) = first_word(&copy, &lost.resume_token).await;
    let Update::Snapshot(snapshot) = word else {
        panic!("{word:?}");
    };
    assert_eq!(snapshot.reason(), SnapshotReason::EpochChanged);
    let common = told(&copy).await.unwrap().resume_token;
    let (_, word) = first_word(&site, &common).await;
    assert!(!matches!(word, Update::Snapshot(_)), "{word:?}");
    process.kill();
    copied.kill();
}

#[tokio::test]
async fn files_are_kept_for_a_command_and_dropped_when_it_goes_away() {
    let site = Site::new(&format!("{OFTEN}retention = \"1ms\"\n"));
    let mut process = site.start().await;
    login_and_keep(&site, &mut process, &["ann"]).await;
    let data = site.data();
    let begin = move || {
        let mut connection = Connection::open(&data).unwrap().unwrap();
        let files = connection.begin_backup().unwrap();
        (connection, files)
    };
    let (connection, files) = spawn_blocking(begin).await.unwrap();
    let are_there = || {
        files
            .names
            .iter()
            .all(|name| site.data().join(name).exists())
    };
    for user in ["bob", "cid", "dan"] {
        login_and_keep(&site, &mut process, &[user]).await;
        assert!(are_there(), "{files:?}");
    }
    drop(connection);
    process.says("a backup was broken off").await;
    // The journal drops after it was told to; by the second checkpoint it has.
    login_and_keep(&site, &mut process, &["eve"]).await;
    login_and_keep(&site, &mut process, &["fay"]).await;
    assert!(!are_there(), "{files:?}");
}

#[tokio::test]
async fn a_folder_without_a_server_is_copied_too() {
    let site = Site::new("");
    let process = site.start().await;
    login(&site, &["ann"]).await;
    // The socket stays, and nobody listens.
    process.kill();
    assert!(Connection::path(&site.data()).exists());
    let copy = Site::new("");
    fs::create_dir(copy.data()).unwrap();
    assert_copied(&back_up(&site.data(), &copy.data()).await, &copy.data());
    let copied = copy.start().await;
    assert_eq!(present(&copy).await, ["ann"]);
    copied.kill();

    // Its successor listens at the same place.
    let mut process = site.start().await;
    login(&site, &["bob"]).await;
    fs::remove_dir_all(copy.data()).unwrap();
    assert_copied(&back_up(&site.data(), &copy.data()).await, &copy.data());
    let _copied = copy.start().await;
    assert_eq!(present(&copy).await, ["ann", "bob"]);
    process.signal("TERM");
    process.says("drained").await;
    process.ends().await;
    assert!(!Connection::path(&site.data()).exists());
}

#[tokio::test]
async fn a_copy_that_cannot_be_made_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (data, target) = (dir.path().join("data"), dir.path().join("copy"));
    assert_failed(&back_up(&data, &target).await, "No such file");
    fs::create_dir(&data).unwrap();
    assert_failed(&back_up(&data, &target).await, "it holds no journal");
    let site = Site::new("");
    let process = site.start().await;
    let within = back_up(&site.data(), &site.data().join("copy")).await;
    assert_failed(&within, "is within the data folder itself");
    assert_failed(&back_up(&site.data(), dir.path()).await, "is not empty");
    fs::remove_dir(&data).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);

    // Who holds the folder does not listen.
    fs::remove_file(Connection::path(&site.data())).unwrap();
    let held = back_up(&site.data(), &target).await;
    assert_failed(&held, &format!("in use by process {}", process.id()));
    assert_failed(&held, "which does not listen at");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_folder_whose_path_is_too_long_for_a_socket_is_served() {
    let folder: TempDir = tempfile::Builder::new()
        .prefix(&"long".repeat(40))
        .tempdir()
        .unwrap();
    let site = Site::in_folder(folder, "");
    let mut process = site.spawn();
    process.says("cannot listen in the data folder").await;
    process.says("serving callbacks on").await;
    login(&site, &["ann"]).await;
    let copy = tempfile::tempdir().unwrap();
    let held = back_up(&site.data(), &copy.path().join("copy")).await;
    assert_failed(&held, "which does not listen at");
}

#[tokio::test]
async fn a_lost_end_is_named_and_once_it_is_accepted_the_folder_can_be_copied() {
    let site = Site::new("");
    let process = site.start().await;
    login(&site, &["ann"]).await;
    process.signal("TERM");
    // It ends with a checkpoint, which is the end of the last segment.
    process.ends().await;
    let segment = site.files(".segment").pop().unwrap();
    fs::remove_file(site.data().join(&segment)).unwrap();
    let missing = format!("{segment} is missing: it is the last segment");
    let (code, said) = site.spawn().ends().await;
    let last = said.last().unwrap();
    assert_eq!(code, Some(1), "{said:#?}");
    assert!(
        last.contains(&missing) && last.contains("--accept-loss"),
        "{last}"
    );
    let copy = Site::new("");
    assert_failed(&back_up(&site.data(), &copy.data()).await, &missing);

    let mut process = site.spawn_with("--accept-loss");
    process.says("(a checkpoint has their effect)").await;
    process.says("serving callbacks on").await;
    assert_copied(&back_up(&site.data(), &copy.data()).await, &copy.data());
    let _copied = copy.start().await;
    assert_eq!(present(&copy).await, ["ann"]);
}
