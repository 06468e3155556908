//! What is refused, and how.

use headcount::{
    pb::{GetRoomUsersRequest, ListRoomsRequest, WatchRoomRequest},
    reconcile::Rules,
    roster::Limits,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::common::in_process::{Server, World};

/// Asserts that a request was refused for what one field of it says.
#[track_caller]
fn assert_blames<T: std::fmt::Debug>(answer: Result<T, Status>, field: &str) {
    let status = answer.expect_err("refused");
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let details = status.get_error_details();
    let blamed = details.bad_request().expect("BadRequest details");
    let [violation] = &blamed.field_violations[..] else {
        panic!("one field is wrong: {blamed:?}");
    };
    assert_eq!(violation.field, field);
    assert!(!violation.description.is_empty());
}

#[track_caller]
fn assert_code<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code) {
    assert_eq!(answer.expect_err("refused").code(), code);
}

fn users_of(app: &str, room: &str, page_token: &str) -> GetRoomUsersRequest {
    GetRoomUsersRequest {
        app: app.to_owned(),
        room_id: room.to_owned(),
        page_size: 1,
        page_token: page_token.to_owned(),
    }
}

fn rooms_of(app: &str, prefix: &str, page_token: &str) -> ListRoomsRequest {
    ListRoomsRequest {
        app: app.to_owned(),
        prefix: prefix.to_owned(),
        page_size: 1,
        page_token: page_token.to_owned(),
    }
}

fn watch_of(app: &str, room: &str, resume_token: &str) -> WatchRoomRequest {
    WatchRoomRequest {
        app: app.to_owned(),
        room_id: room.to_owned(),
        resume_token: resume_token.to_owned(),
    }
}

#[tokio::test]
async fn an_empty_app_is_the_only_one() {
    let server = Server::new(World::new()).await;
    let answer = server.users(users_of("", "r", "")).await.unwrap();
    assert_eq!(answer.room.unwrap().app, "arena");
    let named = server.users(users_of("arena", "r", "")).await.unwrap();
    assert_eq!(named.room.unwrap().app, "arena");
}

#[tokio::test]
async fn an_empty_app_is_refused_where_there_are_two() {
    let world = World::of_apps(&["a", "b"], Limits::default(), Rules::default());
    let server = Server::new(world).await;
    assert_blames(server.users(users_of("", "r", "")).await, "app");
    assert_blames(server.rooms(rooms_of("", "", "")).await, "app");
    let mut client = server.client().await;
    assert_blames(client.watch_room(watch_of("", "r", "")).await, "app");
    let refused = server.users(users_of("", "r", "")).await.unwrap_err();
    assert!(refused.message().ends_with(": a, b"), "{refused:?}");
    let of_one = server.users(users_of("b", "r", "")).await.unwrap();
    assert_eq!(of_one.room.unwrap().app, "b");
}

#[tokio::test]
async fn an_app_that_is_not_configured_is_not_found() {
    let world = World::of_apps(&["b", "a"], Limits::default(), Rules::default());
    let server = Server::new(world).await;
    let refused = server.users(users_of("other", "r", "")).await.unwrap_err();
    assert_eq!(
        refused.message(),
        "no app is called \"other\": there is a, b"
    );
    assert_code(
        server.users(users_of("other", "r", "")).await,
        Code::NotFound,
    );
    assert_code(
        server.rooms(rooms_of("other", "", "")).await,
        Code::NotFound,
    );
    let mut client = server.client().await;
    let watch = client.watch_room(watch_of("other", "r", "")).await;
    assert_code(watch, Code::NotFound);
}

#[tokio::test]
async fn a_room_must_be_named_and_not_at_length() {
    let server = Server::new(World::new()).await;
    let mut client = server.client().await;
    for room in ["".to_owned(), "x".repeat(1025)] {
        assert_blames(server.users(users_of("", &room, "")).await, "room_id");
        let watch = client.watch_room(watch_of("", &room, "")).await;
        assert_blames(watch, "room_id");
    }
    assert!(
        server
            .users(users_of("", &"x".repeat(1024), ""))
            .await
            .is_ok()
    );
    assert_eq!(server.world.roster.room_count(), 0);
}

#[tokio::test]
async fn a_page_token_that_is_garbage_or_of_another_request_is_refused() {
    let server = Server::new(World::new()).await;
    for room in ["r", "s"] {
        server.world.login(room, "ann");
        server.world.login(room, "bob");
    }
    let page = server.users(users_of("", "r", "")).await.unwrap();
    let users_token = page.next_page_token.as_str();
    let page2 = server.rooms(rooms_of("", "", "")).await.unwrap();
    let rooms_token = page2.next_page_token.as_str();
    assert!(!users_token.is_empty() && !rooms_token.is_empty());
    assert!(
        server
            .users(users_of("arena", "r", users_token))
            .await
            .is_ok()
    );

    for wrong in ["garbage", "%", rooms_token, &page.resume_token] {
        let answer = server.users(users_of("", "r", wrong)).await;
        assert_blames(answer, "page_token");
    }
    let other_room = server.users(users_of("", "s", users_token)).await;
    assert_blames(other_room, "page_token");
    for wrong in ["garbage", "%", users_token, &page.resume_token] {
        let answer = server.rooms(rooms_of("", "", wrong)).await;
        assert_blames(answer, "page_token");
    }
    let other_prefix = server.rooms(rooms_of("", "s", rooms_token)).await;
    assert_blames(other_prefix, "page_token");
}

#[tokio::test]
async fn a_resume_token_that_is_garbage_is_refused() {
    let server = Server::new(World::new()).await;
    server.world.login("r", "ann");
    server.world.login("r", "bob");
    let page = server.users(users_of("", "r", "")).await.unwrap();
    let cut = &page.resume_token[1..];
    for wrong in ["garbage", "%", cut, &page.next_page_token] {
        assert_blames(server.watch("r", wrong).await, "resume_token");
    }
}

#[tokio::test]
async fn every_call_is_unavailable_until_the_server_is_ready() {
    let server = Server::starting(World::new(), 1).await;
    for ready in [false, true] {
        server.ready.set(ready);
        let answers = [
            server.users(users_of("", "r", "")).await.err(),
            server.rooms(rooms_of("", "", "")).await.err(),
            server.watch("r", "").await.err(),
        ];
        for answer in answers {
            let code = answer.map(|status| status.code());
            assert_eq!(code, (!ready).then_some(Code::Unavailable));
        }
    }
}

#[tokio::test]
async fn more_watches_than_allowed_are_refused_until_one_ends() {
    let server = Server::starting(World::new(), 2).await;
    server.ready.set(true);
    let first = server.watch("r", "").await.unwrap();
    let _second = server.watch("s", "").await.unwrap();
    assert_code(server.watch("t", "").await, Code::ResourceExhausted);
    assert_eq!(server.world.roster.room_count(), 2);
    drop(first);
    while server.world.roster.room_count() > 1 {
        tokio::task::yield_now().await;
    }
    assert!(server.watch("t", "").await.is_ok());
}
