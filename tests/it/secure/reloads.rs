//! What changes while the server runs.

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use headcount::pb::{GetRoomUsersRequest, WatchRoomRequest, WatchRoomResponse};
use headcount_client::{Client, RoomWatch, WatchEvent};
use tonic::{Code, Status, Streaming};

use super::site::{ARENA_TOKEN, CREDENTIALS, Show, Site, bearer, jwt, keys};

const LONG: Duration = Duration::from_secs(3600);

async fn watch(client: &mut Client, app: &str) -> Streaming<WatchRoomResponse> {
    let request = WatchRoomRequest {
        app: app.to_owned(),
        room_id: "id".to_owned(),
        ..Default::default()
    };
    let mut messages = client.watch_room(request).await.unwrap().into_inner();
    messages.message().await.unwrap().unwrap();
    messages
}

/// How a watch ends.
async fn end(mut messages: Streaming<WatchRoomResponse>) -> Status {
    loop {
        match messages.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended without a status"),
            Err(status) => return status,
        }
    }
}

#[tokio::test]
async fn a_watch_ends_when_its_credential_is_gone_or_grants_less() {
    let site = Site::serve().await;
    let arena = site.client(&bearer(ARENA_TOKEN));
    let certificate = Show::Certificate(site.clients.sign("game.example"));
    let token = watch(&mut arena.clone(), "arena").await;
    let by_jwt = watch(&mut site.client(&Show::Bearer(jwt(&["arena"], LONG))), "").await;
    let by_certificate = watch(&mut site.client(&certificate), "arena").await;

    let narrowed = CREDENTIALS.replace("apps = [\"arena\"]", "apps = [\"lobby\"]");
    site.reload(&narrowed).unwrap();
    assert_eq!(end(token).await.code(), Code::PermissionDenied);
    assert_eq!(end(by_certificate).await.code(), Code::PermissionDenied);

    let token = watch(&mut arena.clone(), "lobby").await;
    site.reload("").unwrap();
    assert_eq!(end(token).await.code(), Code::Unauthenticated);

    site.write(
        "keys.json",
        &keys(&[b"another key of the identity provider"]),
    );
    site.reload("").unwrap();
    assert_eq!(end(by_jwt).await.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_reload_that_cannot_be_used_changes_nothing() {
    let site = Site::serve().await;
    let mut arena = site.client(&bearer(ARENA_TOKEN));
    let mut open = watch(&mut arena, "arena").await;
    for (file, content, told) in [
        ("headcount.toml", "grpc = 7", "line 1"),
        ("keys.json", "{}", "grpc.jwt.keys_file"),
    ] {
        let before = std::fs::read_to_string(site.path(file)).unwrap();
        site.write(file, content);
        let error = site.reload_files().unwrap_err();
        assert!(error.contains(told), "{error}");
        site.write(file, &before);
    }
    let request = GetRoomUsersRequest {
        room_id: "id".to_owned(),
        ..Default::default()
    };
    arena.get_room_users(request).await.unwrap();
    let more = tokio::time::timeout(Duration::from_millis(50), open.message()).await;
    assert!(more.is_err(), "the watch is open: {more:?}");
}

#[tokio::test]
async fn a_watch_goes_on_with_the_next_token_when_one_expires() {
    let site = Site::serve().await;
    let calls = std::sync::Arc::new(AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&calls);
    let client = site.renewing(move || {
        counted.fetch_add(1, Relaxed);
        Ok(jwt(&["arena"], Duration::from_millis(600)))
    });
    let mut watch = RoomWatch::new(client, "", "id");
    let mut lost = 0;
    while lost < 2 {
        match watch.next().await.unwrap() {
            WatchEvent::Message(_) => {}
            WatchEvent::Lost { status, .. } => {
                assert_eq!(status.code(), Code::Unauthenticated, "{status}");
                lost += 1;
            }
            WatchEvent::Violated { violation, .. } => panic!("{violation}"),
        }
    }
    assert!(calls.load(Relaxed) >= 2);
}

#[tokio::test]
async fn a_watch_whose_token_never_was_right_ends_at_once() {
    let site = Site::serve().await;
    let client = site.renewing(|| Ok("no-token-that-is-known".to_owned()));
    let mut watch = RoomWatch::new(client, "arena", "id");
    let refused = watch.next().await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}
