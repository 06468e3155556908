//! `headcount users`, `headcount rooms` and `headcount user`.

use std::{collections::VecDeque, io};

use headcount::{
    cli::{CliError, ClientArgs, RoomsArgs, UserArgs, UsersArgs, rooms, user, users},
    pb::{GetRoomUsersResponse, ListRoomsResponse},
};
use headcount_client::{Credentials, from_channel};
use tokio::sync::mpsc;
use tonic::Status;

use super::script::*;

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_reached_is_named_and_a_refusal_is_printed() {
    let args = |client: ClientArgs| RoomsArgs {
        prefix: String::new(),
        client,
    };
    let error = |asked: Result<(), CliError>| asked.unwrap_err().to_string();
    let script = Script::default();
    let answers = [Status::not_found("no app"), Status::unavailable("draining")];
    script.0.lock().unwrap().rooms = answers.map(Err).into();
    let (server, asked) = (serve(&script), args(mk_client_args(false)));
    let refused = rooms(server.clone(), asked.clone(), io::sink()).await;
    assert_eq!(error(refused), "no app");
    let draining = rooms(server, asked, io::sink()).await;
    assert_eq!(
        error(draining),
        "cannot ask http://script: draining (is `headcount serve` running?)"
    );
    let (pipes_tx, pipes_rx) = mpsc::unbounded_channel();
    drop(pipes_rx);
    let endpoint = headcount_client::endpoint("http://script").unwrap();
    let nobody = endpoint.connect_with_connector_lazy(Pipes(pipes_tx));
    let nobody = from_channel(nobody, Credentials::none());
    let unreached = rooms(nobody, args(mk_client_args(false)), io::sink()).await;
    assert_eq!(
        error(unreached),
        "cannot ask http://script: connection refused (is `headcount serve` running?)"
    );
}

async fn users_to_end(script: &Script, json: bool) -> Result<String, CliError> {
    let args = UsersArgs {
        room_id: "r".into(),
        client: mk_client_args(json),
    };
    let mut out = Vec::new();
    users(serve(script), args, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}

fn mk_page(users: &[&str], next: &str) -> Answer<GetRoomUsersResponse> {
    Ok(GetRoomUsersResponse {
        room: Some(mk_room("r")),
        users: users.iter().map(|id| mk_user(id)).collect(),
        next_page_token: next.into(),
        ..Default::default()
    })
}

#[tokio::test(start_paused = true)]
async fn users_of_all_pages_are_listed_once_when_a_walk_begins_anew() {
    for json in [false, true] {
        let script = Script::default();
        script.0.lock().unwrap().users = VecDeque::from([
            mk_page(&["old"], "p1"),
            Err(Status::aborted("another life")),
            mk_page(&["a"], "q1"),
            mk_page(&["b"], ""),
        ]);
        let shown = users_to_end(&script, json).await.unwrap();
        let lines: Vec<_> = shown.lines().collect();
        if json {
            assert_eq!(lines.len(), 2);
            assert!(lines[1].starts_with(r#"{"user_id":"b","#), "{shown}");
        } else {
            assert_eq!(lines[0], "room r: 0 missing callbacks, open, 9 users");
            assert_eq!(lines[3..], ["a", "b"]);
        }
        assert_eq!(script.asked(), ["", "p1", "", "q1"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_never_at_rest_is_given_up() {
    let script = Script::default();
    let aborted = std::iter::repeat_with(|| Err(Status::aborted("another life")));
    script.0.lock().unwrap().users = aborted.take(100).collect();
    assert!(matches!(
        users_to_end(&script, false).await,
        Err(CliError::Restless)
    ));
}

#[tokio::test(start_paused = true)]
async fn rooms_of_all_pages_are_listed() {
    let script = Script::default();
    script.0.lock().unwrap().rooms = ["p1", ""]
        .map(|next| {
            let rooms = vec![mk_room(&format!("room-{next}"))];
            Ok(ListRoomsResponse {
                rooms,
                next_page_token: next.into(),
                ..Default::default()
            })
        })
        .into();
    let args = RoomsArgs {
        prefix: String::new(),
        client: mk_client_args(false),
    };
    let mut out = Vec::new();
    rooms(serve(&script), args, &mut out).await.unwrap();
    let shown = String::from_utf8(out).unwrap();
    let lines: Vec<_> = shown
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .collect();
    assert_eq!(
        lines[0],
        ["ROOM", "USERS", "MISSING", "OPENED", "SESSION", "NAME"]
    );
    assert_eq!(lines[1..], [["room-p1", "9", "0"], ["room-", "9", "0"]]);
}

#[tokio::test(start_paused = true)]
async fn a_user_is_said_to_be_in_rooms_and_on_devices() {
    let mut out = Vec::new();
    let args = UserArgs {
        user_id: "ann".into(),
        client: mk_client_args(false),
    };
    user(serve(&Script::default()), args, &mut out)
        .await
        .unwrap();
    let shown = String::from_utf8(out).unwrap();
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[0], "user ann: offline, in 1 room");
    assert_eq!(lines[3], "lobby  room");
}
