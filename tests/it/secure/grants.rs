//! Every call, with every kind of credential, right and wrong.

use std::time::Duration;

use headcount::pb::{
    GetRoomUsersRequest, GetUserRequest, ListRoomsRequest, WatchRoomRequest, WatchUserRequest,
};
use headcount_client::Client;
use http::StatusCode;
use tonic::{Code, Status};

use crate::common::child::{Authority, Sender, now, zego_of};

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

/// Lets two users into two rooms of lobby, so that everything has a second page.
async fn fill_lobby(site: &Site) {
    let url = format!("https://localhost:{}", site.webhook.port());
    let vendor = Sender::trusting(url, Some(&site.authority.pem()));
    for (number, (room, user)) in (1..).zip([("a", "x"), ("a", "y"), ("b", "x")]) {
        let session = number.to_string();
        let post = zego_of((8, "other"), (room, number), (user, &session), now(), None);
        let (status, answer) = vendor.post(&post).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
}

/// What goes on from where an answer about lobby ended: pages, and watches.
async fn ask_on(
    client: &mut Client,
    app: &str,
    lobby: &mut Client,
) -> Vec<(&'static str, Result<(), Status>)> {
    let room = GetRoomUsersRequest {
        app: "lobby".to_owned(),
        room_id: "a".to_owned(),
        page_size: 1,
        ..Default::default()
    };
    let user = GetUserRequest {
        app: "lobby".to_owned(),
        user_id: "x".to_owned(),
        page_size: 1,
        ..Default::default()
    };
    let list = ListRoomsRequest {
        app: "lobby".to_owned(),
        page_size: 1,
        ..Default::default()
    };
    let of_room = lobby
        .get_room_users(room.clone())
        .await
        .unwrap()
        .into_inner();
    let of_user = lobby.get_user(user.clone()).await.unwrap().into_inner();
    let of_list = lobby.list_rooms(list.clone()).await.unwrap().into_inner();
    for page_token in [
        &of_room.next_page_token,
        &of_user.next_page_token,
        &of_list.next_page_token,
    ] {
        assert!(!page_token.is_empty());
    }
    let app = app.to_owned();
    let room = GetRoomUsersRequest {
        app: app.clone(),
        page_token: of_room.next_page_token,
        ..room
    };
    let user = GetUserRequest {
        app: app.clone(),
        page_token: of_user.next_page_token,
        ..user
    };
    let list = ListRoomsRequest {
        app: app.clone(),
        page_token: of_list.next_page_token,
        ..list
    };
    let prefixed = ListRoomsRequest {
        app: app.clone(),
        prefix: "a".to_owned(),
        ..Default::default()
    };
    let watch_room = WatchRoomRequest {
        app: app.clone(),
        room_id: "a".to_owned(),
        resume_token: of_room.resume_token,
    };
    let watch_user = WatchUserRequest {
        app,
        user_id: "x".to_owned(),
        resume_token: of_user.resume_token,
    };
    vec![
        ("GetRoomUsers", client.get_room_users(room).await.map(drop)),
        ("GetUser", client.get_user(user).await.map(drop)),
        ("ListRooms", client.list_rooms(list).await.map(drop)),
        (
            "ListRooms by prefix",
            client.list_rooms(prefixed).await.map(drop),
        ),
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

#[tokio::test]
async fn tokens_of_another_app_open_nothing() {
    let site = Site::serve().await;
    fill_lobby(&site).await;
    let mut lobby = site.client(&bearer(LOBBY_TOKEN));
    let mut arena = site.client(&bearer(ARENA_TOKEN));
    for (call, answer) in ask_on(&mut lobby.clone(), "lobby", &mut lobby).await {
        answer.unwrap_or_else(|status| panic!("{call}: {status}"));
    }
    for (call, answer) in ask_on(&mut arena, "lobby", &mut lobby).await {
        let refused = answer.expect_err(call);
        assert_eq!(refused.code(), Code::PermissionDenied, "{call}");
        assert!(refused.message().contains("does not grant"), "{refused}");
    }
    // Under their own app they are tokens of something else, or begin anew with what is theirs.
    let own = "WatchRoom, WatchUser and a prefix are about arena, whatever the token says";
    for (call, answer) in ask_on(&mut arena, "arena", &mut lobby).await {
        match call {
            "GetRoomUsers" | "GetUser" | "ListRooms" => {
                let refused = answer.expect_err(call);
                assert_eq!(refused.code(), Code::InvalidArgument, "{call}: {refused}");
            }
            _ => answer.expect(own),
        }
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_or_an_expired_one_is_not_let_in() {
    let site = Site::serve().await;
    let stranger = Authority::new("clients").sign("game.example");
    let expired = site.clients.sign_expired("game.example");
    for shown in [stranger, expired] {
        for (call, answer) in
            ask(&mut site.client(&Show::Certificate(shown.clone())), "arena").await
        {
            let status = answer.unwrap_err();
            assert!(
                headcount_client::is_connection_error(&status),
                "{call}: {status}"
            );
        }
    }
}
