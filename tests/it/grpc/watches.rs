//! `WatchRoom`: snapshots, tokens and waiting.

use std::time::Duration;

use headcount::pb::{SnapshotReason, WatchRoomResponse};
use headcount_client::{Folded, RoomCopy};
use tokio::time::{self, Instant};
use tonic::{Code, Streaming};

use crate::common::in_process::{PROGRESS_INTERVAL, Server, World, heavy, next, room, silent};

/// Folds the next message in, and says what it was.
async fn fold(copy: &mut RoomCopy, watch: &mut Streaming<WatchRoomResponse>) -> String {
    let message = next(watch).await;
    match copy.apply(&message).unwrap() {
        Folded::Part => "part".to_owned(),
        Folded::Snapshot(reason) => reason.as_str_name().to_owned(),
        Folded::Changes(changes) => format!("{} changes", changes.len()),
        Folded::Confirmed => "progress".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_a_snapshot_and_then_changes_and_progress() {
    let server = Server::new(World::new()).await;
    server.world.login("r", "ann");
    let mut watch = server.watch("r", "").await.unwrap();
    let mut copy = RoomCopy::new();
    assert_eq!(fold(&mut copy, &mut watch).await, "SNAPSHOT_REASON_INITIAL");
    silent(&mut watch).await;
    server.world.login("r", "bob");
    assert_eq!(fold(&mut copy, &mut watch).await, "1 changes");
    let begun = Instant::now();
    assert_eq!(fold(&mut copy, &mut watch).await, "progress");
    assert!(begun.elapsed() >= PROGRESS_INTERVAL);
    let elsewhere = server.world.login("other", "bob");
    assert_eq!(fold(&mut copy, &mut watch).await, "progress");
    assert_eq!(copy.revision(), elsewhere);
    assert_eq!(copy.user_count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_busy_room_is_told_of_now_and_then() {
    const INTERVAL: Duration = Duration::from_millis(4);
    let server = Server::new(World::new()).await;
    let mut watch = server.watch("r", "").await.unwrap();
    let mut copy = RoomCopy::new();
    assert_eq!(fold(&mut copy, &mut watch).await, "SNAPSHOT_REASON_INITIAL");
    // The first opens the room, too.
    server.world.login("r", "first");
    assert_eq!(fold(&mut copy, &mut watch).await, "2 changes");
    for n in 1..64 {
        server.world.login("r", &n.to_string());
        assert_eq!(fold(&mut copy, &mut watch).await, "1 changes");
    }
    for n in 0..10 {
        for k in 0..3 {
            server.world.login("r", &format!("{n} {k}"));
        }
        assert_eq!(fold(&mut copy, &mut watch).await, "3 changes");
        // Right after that moment: what comes now waits for the next.
        let begun = Instant::now();
        server.world.login("r", &format!("{n} after"));
        assert_eq!(fold(&mut copy, &mut watch).await, "1 changes");
        assert!(begun.elapsed() >= INTERVAL - Duration::from_millis(1));
    }
    // After a while it counts as quiet.
    time::sleep(Duration::from_millis(200)).await;
    let begun = Instant::now();
    server.world.login("r", "last");
    assert_eq!(fold(&mut copy, &mut watch).await, "1 changes");
    assert!(begun.elapsed() < Duration::from_millis(1));
    let begun = Instant::now();
    assert_eq!(fold(&mut copy, &mut watch).await, "progress");
    assert!(begun.elapsed() <= PROGRESS_INTERVAL + INTERVAL);
}

#[tokio::test]
async fn only_the_last_part_of_a_snapshot_is_complete_and_has_a_token() {
    let server = Server::new(World::new()).await;
    for n in 0..4 {
        let says = |at| vec![room("r").login_as(&n.to_string(), at, &heavy(15_000))];
        server.world.send(says);
    }
    let mut watch = server.watch("r", "").await.unwrap();
    let mut copy = RoomCopy::new();
    // Which checks completeness and tokens.
    assert_eq!(fold(&mut copy, &mut watch).await, "part");
    assert_eq!(fold(&mut copy, &mut watch).await, "SNAPSHOT_REASON_INITIAL");
    assert_eq!(copy.user_count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_resume_goes_on_where_the_last_message_was() {
    let server = Server::new(World::new()).await;
    let mut copy = RoomCopy::new();
    let mut watch = server.watch("r", copy.open()).await.unwrap();
    fold(&mut copy, &mut watch).await;
    server.world.login("r", "ann");
    fold(&mut copy, &mut watch).await;
    drop(watch);

    let begun = Instant::now();
    let mut watch = server.watch("r", copy.open()).await.unwrap();
    assert_eq!(fold(&mut copy, &mut watch).await, "progress");
    assert!(begun.elapsed() < Duration::from_secs(1), "not at once");
    drop(watch);
    server.world.login("r", "bob");
    let mut watch = server.watch("r", copy.open()).await.unwrap();
    assert_eq!(fold(&mut copy, &mut watch).await, "1 changes");
    silent(&mut watch).await;
}

#[tokio::test]
async fn a_resume_that_expired_says_so() {
    let server = Server::new(World::small()).await;
    let mut copy = RoomCopy::new();
    fold(&mut copy, &mut server.watch("r", "").await.unwrap()).await;
    server.world.login_all("r", 0..9);
    let mut watch = server.watch("r", copy.open()).await.unwrap();
    let told = fold(&mut copy, &mut watch).await;
    assert_eq!(told, SnapshotReason::ResumeExpired.as_str_name());
    assert_eq!(copy.user_count(), 9);
}

#[tokio::test]
async fn a_token_of_another_journal_gets_a_snapshot_that_says_so() {
    let (before, after) = (
        Server::new(World::new()).await,
        Server::new(World::new()).await,
    );
    let mut copy = RoomCopy::new();
    before.world.login_all("r", 0..9);
    fold(&mut copy, &mut before.watch("r", "").await.unwrap()).await;
    after.world.login("r", "ann");
    let mut watch = after.watch("r", copy.open()).await.unwrap();
    let told = fold(&mut copy, &mut watch).await;
    assert_eq!(told, SnapshotReason::EpochChanged.as_str_name());
    assert_eq!((copy.revision(), copy.user_count()), (1, 1));
}

/// A token of the same journal, `ahead` entries from now.
async fn token_ahead(server: &Server, ahead: usize) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use std::hash::Hasher as _;
    // As another replica would have given it out.
    let revision = server.world.roster.applied() + u64::try_from(ahead).unwrap();
    let mut body = vec![0x09];
    body.extend(server.world.epoch().0.to_le_bytes());
    body.push(0x10);
    prost::encode_length_delimiter(usize::try_from(revision).unwrap(), &mut body).unwrap();
    let mut hasher = fnv::FnvHasher::default();
    hasher.write(&body);
    hasher.write(&[0xff]);
    let sum = hasher.finish();
    let mut token = ((sum ^ (sum >> 32)) as u32).to_le_bytes().to_vec();
    token.extend(body);
    URL_SAFE_NO_PAD.encode(token)
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_ahead_is_waited_for() {
    let server = Server::new(World::new()).await;
    server.world.login("r", "ann");
    let token = token_ahead(&server, 2).await;
    let begun = Instant::now();
    let behind = async {
        tokio::time::sleep(Duration::from_millis(900)).await;
        server.world.login("r", "bob");
        tokio::time::sleep(Duration::from_millis(900)).await;
        server.world.login("r", "cid");
        server.world.login("r", "dan")
    };
    let (watch, last) = tokio::join!(server.watch("r", &token), behind);
    assert!(begun.elapsed() >= Duration::from_millis(1800));
    let message = next(&mut watch.unwrap()).await;
    // What the other replica told is not told again.
    assert_eq!(message.revision, last);
    use headcount::pb::watch_room_response::Update;
    assert!(matches!(message.update, Some(Update::Changes(c)) if c.changes.len() == 1));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_stays_ahead_is_unavailable() {
    let server = Server::new(World::new()).await;
    server.world.login("r", "ann");
    let token = token_ahead(&server, 1).await;
    let begun = Instant::now();
    let status = server.watch("r", &token).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let waited = begun.elapsed();
    assert!(Duration::from_secs(2) <= waited && waited < Duration::from_secs(3));
    assert_eq!(server.world.roster.room_count(), 1);
}

#[tokio::test]
async fn a_watch_whose_client_goes_leaves_nothing() {
    let server = Server::new(World::new()).await;
    let mut watch = server.watch("r", "").await.unwrap();
    next(&mut watch).await;
    assert_eq!(server.world.roster.room_count(), 1);
    drop(watch);
    while server.world.roster.room_count() > 0 {
        tokio::task::yield_now().await;
    }
}
