//! A server that answers as a script says, over pipes in memory.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, StreamExt as _, future::BoxFuture, stream};
use headcount::{
    cli::ClientArgs,
    grpc::{Outgoing, PresenceService, PresenceServiceServer},
    pb::{
        Changes, GetRoomUsersRequest, GetRoomUsersResponse, GetUserRequest, GetUserResponse,
        ListRoomsRequest, ListRoomsResponse, Progress, Room, RoomChange, RoomState, RoomUser,
        Snapshot, SnapshotReason, User, UserJoined, UserRoom, UserSnapshot, WatchRoomRequest,
        WatchRoomResponse, WatchUserRequest, WatchUserResponse, room_change::Change,
        watch_room_response::Update, watch_user_response,
    },
    remote::Proof,
};
use headcount_client::{Client, Credentials, digest, from_connector};
use hyper_util::rt::TokioIo;
use tokio::{
    io::DuplexStream,
    sync::mpsc::{self, UnboundedSender},
};
use tonic::{
    Request, Response, Status,
    codegen::{Service, http::Uri},
    transport::Server,
};

pub(crate) type Answer<T> = Result<T, Status>;
pub(crate) type Messages = Vec<Answer<WatchRoomResponse>>;

/// Answers each call with the next answer of its script, and records the calls.
#[derive(Clone, Default)]
pub(crate) struct Script(pub(crate) Arc<Mutex<Lines>>);

#[derive(Default)]
pub(crate) struct Lines {
    pub(crate) watches: VecDeque<Answer<Messages>>,
    pub(crate) users: VecDeque<Answer<GetRoomUsersResponse>>,
    pub(crate) rooms: VecDeque<Answer<ListRoomsResponse>>,
    asked: Vec<String>,
    /// How long each stream is silent before each of its messages.
    pauses: Duration,
    /// Whether streams stay open, and silent, after their messages.
    hangs: bool,
}

impl Script {
    fn next<T>(&self, asked: String, line: impl Fn(&mut Lines) -> Option<Answer<T>>) -> Answer<T> {
        let mut lines = self.0.lock().unwrap();
        lines.asked.push(asked);
        line(&mut lines).unwrap_or_else(|| Err(Status::not_found("the script ended")))
    }

    pub(crate) fn that_pauses(self, pauses: Duration) -> Self {
        self.0.lock().unwrap().pauses = pauses;
        self
    }

    pub(crate) fn that_hangs(self) -> Self {
        self.0.lock().unwrap().hangs = true;
        self
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }
}

#[tonic::async_trait]
impl PresenceService for Script {
    type WatchRoomStream = Pin<Box<dyn Stream<Item = Answer<Outgoing<WatchRoomResponse>>> + Send>>;
    type WatchUserStream = Pin<Box<dyn Stream<Item = Answer<Outgoing<WatchUserResponse>>> + Send>>;

    /// About every user, the same is said.
    async fn get_user(
        &self,
        request: Request<GetUserRequest>,
    ) -> Answer<Response<Outgoing<GetUserResponse>>> {
        let answer = GetUserResponse {
            user: Some(mk_located(&request.into_inner().user_id)),
            ..Default::default()
        };
        Ok(Response::new(answer.into()))
    }

    /// One snapshot, and then the script ends.
    async fn watch_user(
        &self,
        request: Request<WatchUserRequest>,
    ) -> Answer<Response<Self::WatchUserStream>> {
        let snapshot = UserSnapshot {
            user: Some(mk_located(&request.into_inner().user_id)),
            reason: SnapshotReason::Initial.into(),
            complete: true,
        };
        let message = WatchUserResponse {
            revision: 5,
            resume_token: "t5".into(),
            update: Some(watch_user_response::Update::Snapshot(snapshot)),
        };
        let end = Status::not_found("the script ended");
        let messages = stream::iter([Ok(Outgoing::from(message)), Err(end)]);
        Ok(Response::new(messages.boxed()))
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
        let (pauses, hangs) = {
            let lines = self.0.lock().unwrap();
            (lines.pauses, lines.hangs)
        };
        let messages = stream::iter(messages).then(move |message| async move {
            tokio::time::sleep(pauses).await;
            message.map(Outgoing::from)
        });
        Ok(Response::new(match hangs {
            true => messages.chain(stream::pending()).boxed(),
            false => messages.boxed(),
        }))
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
pub(crate) struct Pipes(pub(crate) UnboundedSender<io::Result<DuplexStream>>);

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

pub(crate) fn serve(script: &Script) -> Client {
    let pipes = accept(script);
    let endpoint = headcount_client::endpoint("http://script").unwrap();
    from_connector(
        move || endpoint.connect_with_connector_lazy(pipes.clone()),
        Credentials::none(),
    )
}

/// Serves every pipe that is connected.
pub(crate) fn accept(script: &Script) -> Pipes {
    let (pipes_tx, mut pipes_rx) = mpsc::unbounded_channel();
    let incoming = stream::poll_fn(move |cx| pipes_rx.poll_recv(cx));
    let service = PresenceServiceServer::new(script.clone());
    tokio::spawn(
        Server::builder()
            .add_service(service)
            .serve_with_incoming(incoming),
    );
    Pipes(pipes_tx)
}

pub(crate) fn mk_user(id: &str) -> RoomUser {
    RoomUser {
        user_id: id.into(),
        ..Default::default()
    }
}

/// A user who is in one room and not online.
fn mk_located(id: &str) -> User {
    User {
        user_id: id.into(),
        rooms: vec![UserRoom {
            room_id: "lobby".into(),
            login_time: None,
        }],
        ..Default::default()
    }
}

pub(crate) fn mk_room(id: &str) -> Room {
    Room {
        room_id: id.into(),
        state: RoomState::Open.into(),
        user_count: 9,
        ..Default::default()
    }
}

pub(crate) fn mk_message(revision: u64, update: Update) -> Answer<WatchRoomResponse> {
    Ok(WatchRoomResponse {
        revision,
        resume_token: format!("t{revision}"),
        update: Some(update),
    })
}

pub(crate) fn mk_snapshot(revision: u64, users: &[&str]) -> Answer<WatchRoomResponse> {
    let snapshot = Snapshot {
        room: Some(mk_room("r")),
        users: users.iter().map(|id| mk_user(id)).collect(),
        reason: SnapshotReason::Initial.into(),
        complete: true,
    };
    mk_message(revision, Update::Snapshot(snapshot))
}

pub(crate) fn mk_join(revision: u64, id: &str) -> Answer<WatchRoomResponse> {
    let change = Change::UserJoined(UserJoined {
        user: Some(mk_user(id)),
    });
    let changes = vec![RoomChange {
        change: Some(change),
    }];
    mk_message(revision, Update::Changes(Changes { changes }))
}

pub(crate) fn mk_progress(revision: u64, users: &[&str]) -> Answer<WatchRoomResponse> {
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

pub(crate) fn mk_client_args(json: bool) -> ClientArgs {
    ClientArgs {
        app: "demo".into(),
        server: "http://script".into(),
        proof: Proof::default(),
        json,
    }
}

pub(crate) fn mk_script(watches: impl IntoIterator<Item = Answer<Messages>>) -> Script {
    let script = Script::default();
    script.0.lock().unwrap().watches = watches.into_iter().collect();
    script
}
