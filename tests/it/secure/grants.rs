//! Every call, with every kind of credential, right and wrong.

use std::time::Duration;

use headcount::pb::{
    GetRoomUsersRequest, GetUserRequest, ListRoomsRequest, WatchRoomRequest, WatchUserRequest,
};
use headcount_client::Client;
use tonic::{Code, Status};

use crate::common::child::Authority;

use super::site::{
    ADMIN_TOKEN, ARENA_TOKEN, CREDENTIALS, LOBBY_TOKEN, Show, Site, bearer, jwt, signed_jwt,
};

const LONG: Duration = Duration::from_secs(3600);

/// What each call answers to a question about an app.
async fn ask(client: &mut Client, app: &str) -> Vec<(&'static str, Result<(), Status>)> {
    let (app, id) = (app.to_owned(), "id".to_owned());
    let room = GetRoomUsersRequest {
        app: app.clone(),
        room_id: id.clone(),
        ..Default::default()
    };
    let user = GetUserRequest {
        app: app.clone(),
        user_id: id.clone(),
        ..Default::default()
    };
    let list = ListRoomsRequest {
        app: app.clone(),
        ..Default::default()
    };
    let watch_room = WatchRoomRequest {
        app: app.clone(),
        room_id: id.clone(),
        ..Default::default()
    };
    let watch_user = WatchUserRequest {
        app,
        user_id: id,
        ..Default::default()
    };
    vec![
        ("GetRoomUsers", client.get_room_users(room).await.map(drop)),
        ("GetUser", client.get_user(user).await.map(drop)),
        ("ListRooms", client.list_rooms(list).await.map(drop)),
        (
            "WatchRoom",
            first(client.watch_room(watch_room).await).await,
        ),
        (
            "WatchUser",
            first(client.watch_user(watch_user).await).await,
        ),
    ]
}

async fn first<T>(
    opened: Result<tonic::Response<tonic::Streaming<T>>, Status>,
) -> Result<(), Status> {
    opened?.into_inner().message().await.map(drop)
}

/// Asserts that every call about an app is answered alike.
async fn assert_all(site: &Site, who: &str, show: &Show, app: &str, expected: Code) {
    for (call, answer) in ask(&mut site.client(show), app).await {
        let code = answer.as_ref().map_or_else(Status::code, |()| Code::Ok);
        assert_eq!(code, expected, "{call} of {app:?} with {who}: {answer:?}");
    }
}

#[tokio::test]
async fn every_call_is_answered_by_what_its_credential_grants() {
    use Code::{InvalidArgument, NotFound, Ok, PermissionDenied, Unauthenticated};

    let site = Site::serve().await;
    let certificate = |name: &str| Show::Certificate(site.clients.sign(name));
    let jwt = |apps: &[&str]| Show::Bearer(jwt(apps, LONG));
    let forged = signed_jwt(&["arena"], 3600.0, b"somebody else signs with this");
    let expired = signed_jwt(&["arena"], -1.0, b"what the identity provider signs with");
    // What is shown, and the answer about arena, lobby, an app that is not there, and none.
    let rows = [
        ("nothing", Show::Nothing, [Unauthenticated; 4]),
        (
            "a wrong token",
            bearer("some token that nobody knows"),
            [Unauthenticated; 4],
        ),
        (
            "arena's token",
            bearer(ARENA_TOKEN),
            [Ok, PermissionDenied, PermissionDenied, Ok],
        ),
        (
            "lobby's token",
            bearer(LOBBY_TOKEN),
            [PermissionDenied, Ok, PermissionDenied, Ok],
        ),
        (
            "the token of all",
            bearer(ADMIN_TOKEN),
            [Ok, Ok, NotFound, InvalidArgument],
        ),
        (
            "arena's JWT",
            jwt(&["arena"]),
            [Ok, PermissionDenied, PermissionDenied, Ok],
        ),
        (
            "lobby's JWT",
            jwt(&["lobby"]),
            [PermissionDenied, Ok, PermissionDenied, Ok],
        ),
        (
            "a JWT of both",
            jwt(&["arena", "lobby"]),
            [Ok, Ok, PermissionDenied, InvalidArgument],
        ),
        (
            "a JWT of an app that is not there",
            jwt(&["gone"]),
            [PermissionDenied, PermissionDenied, NotFound, NotFound],
        ),
        (
            "a JWT of all",
            jwt(&["*"]),
            [Ok, Ok, NotFound, InvalidArgument],
        ),
        ("a forged JWT", Show::Bearer(forged), [Unauthenticated; 4]),
        (
            "an expired JWT",
            Show::Bearer(expired),
            [Unauthenticated; 4],
        ),
        (
            "arena's certificate",
            certificate("game.example"),
            [Ok, PermissionDenied, PermissionDenied, Ok],
        ),
        (
            "lobby's certificate",
            certificate("lobby.example"),
            [PermissionDenied, Ok, PermissionDenied, Ok],
        ),
        (
            "the operators' certificate",
            certificate("operator.example"),
            [Ok, Ok, NotFound, InvalidArgument],
        ),
        (
            "a certificate of another name",
            certificate("example"),
            [Unauthenticated; 4],
        ),
    ];
    for (who, show, expected) in &rows {
        for (app, expected) in ["arena", "lobby", "gone", ""].into_iter().zip(expected) {
            assert_all(&site, who, show, app, *expected).await;
        }
    }

    // Of all these only JWTs are left.
    site.reload("").unwrap();
    for (who, show, expected) in &rows {
        let expected = match who.contains("JWT") {
            true => expected[0],
            false => Unauthenticated,
        };
        assert_all(&site, who, show, "arena", expected).await;
    }
    site.reload(CREDENTIALS).unwrap();
    assert_all(&site, "arena's token", &bearer(ARENA_TOKEN), "arena", Ok).await;
}

#[tokio::test]
async fn tokens_of_another_app_open_nothing() {
    let site = Site::serve().await;
    let mut lobby = site.client(&bearer(LOBBY_TOKEN));
    let answer = lobby
        .get_room_users(GetRoomUsersRequest {
            room_id: "id".to_owned(),
            ..Default::default()
        })
        .await;
    let resume_token = answer.unwrap().into_inner().resume_token;
    let mut arena = site.client(&bearer(ARENA_TOKEN));
    let watch = arena.watch_room(WatchRoomRequest {
        app: "lobby".to_owned(),
        room_id: "id".to_owned(),
        resume_token,
    });
    let refused = first(watch.await).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("does not grant"), "{refused}");
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_not_let_in() {
    let site = Site::serve().await;
    let stranger = Authority::new("clients").sign("game.example");
    for (call, answer) in ask(&mut site.client(&Show::Certificate(stranger)), "arena").await {
        let status = answer.unwrap_err();
        assert!(
            headcount_client::is_connection_error(&status),
            "{call}: {status}"
        );
    }
}
