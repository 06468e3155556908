//! The client commands against a scripted server, over pipes in memory and with
//! paused time.

use std::{
    collections::VecDeque,
    io::{self, Write},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use futures_util::{Stream, StreamExt as _, future::BoxFuture, stream};
use headcount::{
    cli::{
        CliError, ClientArgs, RoomsArgs, UsersArgs, WatchArgs, WatchFormat, rooms, users, watch,
    },
    grpc::{Outgoing, PresenceService, PresenceServiceServer},
    pb::{
        Changes, GetRoomUsersRequest, GetRoomUsersResponse, GetUserRequest, GetUserResponse,
        ListRoomsRequest, ListRoomsResponse, Progress, Room, RoomChange, RoomState, RoomUser,
        Snapshot, SnapshotReason, UserJoined, WatchRoomRequest, WatchRoomResponse,
        WatchUserRequest, WatchUserResponse, room_change::Change, watch_room_response::Update,
    },
};
use headcount_client::{
    Client, Credentials, RoomWatch, Violation, WatchEvent, digest, from_channel,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::DuplexStream,
    sync::mpsc::{self, UnboundedSender},
};
use tonic::{
    Code, Request, Response, Status,
    codegen::{Service, http::Uri},
    transport::Server,
};

type Answer<T> = Result<T, Status>;
type Messages = Vec<Answer<WatchRoomResponse>>;

/// Answers each call with the next answer of its script, and records the calls.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    watches: VecDeque<Answer<Messages>>,
    users: VecDeque<Answer<GetRoomUsersResponse>>,
    rooms: VecDeque<Answer<ListRoomsResponse>>,
    asked: Vec<String>,
}

impl Script {
    fn next<T>(&self, asked: String, line: impl Fn(&mut Lines) -> Option<Answer<T>>) -> Answer<T> {
        let mut lines = self.0.lock().unwrap();
        lines.asked.push(asked);
        line(&mut lines).unwrap_or_else(|| Err(Status::not_found("the script ended")))
    }

    fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }
}

#[tonic::async_trait]
impl PresenceService for Script {
    type WatchRoomStream = Pin<Box<dyn Stream<Item = Answer<Outgoing<WatchRoomResponse>>> + Send>>;
    type WatchUserStream = Pin<Box<dyn Stream<Item = Answer<Outgoing<WatchUserResponse>>> + Send>>;

    // No command asks about users.
    async fn get_user(
        &self,
        _: Request<GetUserRequest>,
    ) -> Answer<Response<Outgoing<GetUserResponse>>> {
        Err(Status::unimplemented("not in the script"))
    }

    async fn watch_user(
        &self,
        _: Request<WatchUserRequest>,
    ) -> Answer<Response<Self::WatchUserStream>> {
        Err(Status::unimplemented("not in the script"))
    }

    async fn get_room_users(
        &self,
        request: Request<GetRoomUsersRequest>,
    ) -> Answer<Response<Outgoing<GetRoomUsersResponse>>> {
        let token = request.into_inner().page_token;
        self.next(token, |lines| lines.users.pop_front())
            .map(|users| Response::new(users.into()))
    }

    async fn watch_room(
        &self,
        request: Request<WatchRoomRequest>,
    ) -> Answer<Response<Self::WatchRoomStream>> {
        let token = request.into_inner().resume_token;
        let messages = self.next(token, |lines| lines.watches.pop_front())?;
        let messages = stream::iter(messages).map(|message| message.map(Outgoing::from));
        Ok(Response::new(messages.boxed()))
    }

    async fn list_rooms(
        &self,
        request: Request<ListRoomsRequest>,
    ) -> Answer<Response<Outgoing<ListRoomsResponse>>> {
        let token = request.into_inner().page_token;
        self.next(token, |lines| lines.rooms.pop_front())
            .map(|rooms| Response::new(rooms.into()))
    }
}

/// Connects by handing the server its end of a pipe.
#[derive(Clone)]
struct Pipes(UnboundedSender<io::Result<DuplexStream>>);

impl Service<Uri> for Pipes {
    type Response = TokioIo<DuplexStream>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let (client, server) = tokio::io::duplex(64 << 10);
        let sent = self
            .0
            .send(Ok(server))
            .map_err(|_| io::ErrorKind::ConnectionRefused.into());
        Box::pin(async move { sent.map(|()| TokioIo::new(client)) })
    }
}

fn serve(script: &Script) -> Client {
    let (pipes_tx, mut pipes_rx) = mpsc::unbounded_channel();
    let incoming = stream::poll_fn(move |cx| pipes_rx.poll_recv(cx));
    let service = PresenceServiceServer::new(script.clone());
    tokio::spawn(
        Server::builder()
            .add_service(service)
            .serve_with_incoming(incoming),
    );
    let endpoint = headcount_client::endpoint("http://script").unwrap();
    from_channel(
        endpoint.connect_with_connector_lazy(Pipes(pipes_tx)),
        Credentials::none(),
    )
}

fn mk_user(id: &str) -> RoomUser {
    RoomUser {
        user_id: id.into(),
        ..Default::default()
    }
}

fn mk_room(id: &str) -> Room {
    Room {
        room_id: id.into(),
        state: RoomState::Open.into(),
        user_count: 9,
        ..Default::default()
    }
}

fn mk_message(revision: u64, update: Update) -> Answer<WatchRoomResponse> {
    Ok(WatchRoomResponse {
        revision,
        resume_token: format!("t{revision}"),
        update: Some(update),
    })
}

fn mk_snapshot(revision: u64, users: &[&str]) -> Answer<WatchRoomResponse> {
    let snapshot = Snapshot {
        room: Some(mk_room("r")),
        users: users.iter().map(|id| mk_user(id)).collect(),
        reason: SnapshotReason::Initial.into(),
        complete: true,
    };
    mk_message(revision, Update::Snapshot(snapshot))
}

fn mk_join(revision: u64, id: &str) -> Answer<WatchRoomResponse> {
    let change = Change::UserJoined(UserJoined {
        user: Some(mk_user(id)),
    });
    let changes = vec![RoomChange {
        change: Some(change),
    }];
    mk_message(revision, Update::Changes(Changes { changes }))
}

fn mk_progress(revision: u64, users: &[&str]) -> Answer<WatchRoomResponse> {
    let users: Vec<_> = users.iter().map(|id| mk_user(id)).collect();
    let user_count = u32::try_from(users.len()).unwrap();
    mk_message(
        revision,
        Update::Progress(Progress {
            user_count,
            digest: digest(&users),
        }),
    )
}

fn mk_client_args(json: bool) -> ClientArgs {
    ClientArgs {
        app: "demo".into(),
        server: "http://script".into(),
        json,
    }
}

fn mk_script(watches: impl IntoIterator<Item = Answer<Messages>>) -> Script {
    let script = Script::default();
    script.0.lock().unwrap().watches = watches.into_iter().collect();
    script
}

/// What `headcount watch` prints until the script ends.
async fn watch_to_end(script: &Script, format: WatchFormat) -> String {
    let args = WatchArgs {
        room_id: "r".into(),
        client: mk_client_args(false),
    };
    let mut out = Vec::new();
    let error = watch(serve(script), args, format, &mut out)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the script ended");
    String::from_utf8(out).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_watch_goes_on_where_it_was_when_the_server_comes_back() {
    let script = mk_script([
        Ok(vec![
            mk_snapshot(5, &["a"]),
            mk_join(6, "b"),
            Err(Status::unavailable("draining")),
        ]),
        Err(Status::unavailable("starting")),
        Err(Status::resource_exhausted("too many watches")),
        // A stream may also just end.
        Ok(vec![mk_join(8, "c")]),
        Ok(vec![mk_progress(9, &["a", "b", "c"])]),
    ]);
    let shown = watch_to_end(&script, WatchFormat::Lines).await;
    assert_eq!(
        shown.lines().collect::<Vec<_>>(),
        [
            "5 snapshot room r: open, 1 user, 0 missing callbacks (initial)",
            "5 present  a",
            "6 joined   b",
            "8 joined   c",
        ]
    );
    assert_eq!(script.asked(), ["", "t6", "t6", "t6", "t8", "t9"]);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_drifted_is_made_anew() {
    let script = mk_script([
        Ok(vec![
            mk_snapshot(5, &["a"]),
            mk_progress(6, &["b"]),
            mk_join(7, "never seen"),
        ]),
        Ok(vec![mk_snapshot(7, &["b"])]),
    ]);
    let mut watch = RoomWatch::new(serve(&script), "demo", "r");
    assert!(matches!(watch.next().await, Ok(WatchEvent::Message(_))));
    let Ok(WatchEvent::Violated { violation, wait }) = watch.next().await else {
        panic!("drift")
    };
    assert!(matches!(
        violation,
        Violation::Drift {
            count: 1,
            server_count: 1,
            ..
        }
    ));
    assert!(!wait.is_zero());
    assert!(!watch.copy().is_complete());
    assert!(matches!(watch.next().await, Ok(WatchEvent::Message(_))));
    assert_eq!(watch.copy().users().keys().collect::<Vec<_>>(), ["b"]);
    assert!(matches!(watch.next().await, Ok(WatchEvent::Lost { .. })));
    assert_eq!(watch.next().await.unwrap_err().code(), Code::NotFound);
    assert_eq!(script.asked(), ["", "", "t7"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_when_waiting_for_the_next_event_is_given_up() {
    let broken = || Ok(vec![Err(Status::unavailable("draining"))]);
    let script = mk_script([
        broken(),
        broken(),
        Ok(vec![mk_snapshot(1, &[]), mk_join(2, "a")]),
    ]);
    let mut watch = RoomWatch::new(serve(&script), "demo", "r");
    let mut messages = 0;
    // Shorter than any wait, so that each is given up many times.
    let patience = std::time::Duration::from_millis(1);
    loop {
        match tokio::time::timeout(patience, watch.next()).await {
            Ok(Ok(WatchEvent::Message(_))) => messages += 1,
            Ok(Ok(_)) | Err(_) => {}
            Ok(Err(_)) => break,
        }
    }
    assert_eq!((messages, watch.copy().revision()), (2, 2));
    assert_eq!(script.asked(), ["", "", "", "t2"]);
}

#[tokio::test(start_paused = true)]
async fn json_has_a_line_for_each_message() {
    let script = mk_script([Ok(vec![mk_snapshot(5, &["a"]), mk_progress(6, &["a"])])]);
    let shown = watch_to_end(&script, WatchFormat::Json).await;
    let lines: Vec<serde_json::Value> = shown
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["revision"], "5");
    assert_eq!(lines[0]["snapshot"]["users"][0]["user_id"], "a");
    assert_eq!(lines[0]["snapshot"]["reason"], "SNAPSHOT_REASON_INITIAL");
    assert_eq!(lines[1]["progress"]["user_count"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_terminal_shows_who_is_there_and_what_happened() {
    let script = mk_script([
        Ok(vec![mk_snapshot(5, &["a"]), mk_join(6, "b")]),
        Err(Status::unavailable("")),
    ]);
    let shown = watch_to_end(&script, WatchFormat::Screen).await;
    let last = shown.rsplit("\x1b[H").next().unwrap().replace("\x1b[K", "");
    let lines: Vec<_> = last.lines().collect();
    assert_eq!(lines[0], "room r: open, 2 users, 0 missing callbacks");
    assert!(
        lines[1].starts_with("LOST, retrying http://script in ")
            && lines[1].ends_with(": The service is currently unavailable"),
        "{}",
        lines[1]
    );
    assert!(lines[3].starts_with("USER"));
    assert_eq!(
        lines[4..],
        [
            "a",
            "b",
            "",
            "5 snapshot (initial)",
            "6 joined   b",
            "\x1b[J"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_closed_output_ends_the_watch() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let script = mk_script([Ok(vec![mk_snapshot(5, &["a"])])]);
    let args = WatchArgs {
        room_id: "r".into(),
        client: mk_client_args(false),
    };
    let ended = watch(serve(&script), args, WatchFormat::Lines, Closed).await;
    let Err(CliError::Write(error)) = ended else {
        panic!("{ended:?}")
    };
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

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
            assert_eq!(lines[0], "room r: open, 9 users, 0 missing callbacks");
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
