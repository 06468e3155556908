//! `PresenceService`: validates, looks up, converts.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use prost::{DecodeError, Message as _};
use tokio::{sync::Semaphore, time};
use tonic::{Request, Response, Status};

use crate::{
    domain::RoomId,
    grpc::{
        answers::Answers,
        convert::RoomRef,
        listing::list_users,
        metrics::{GrpcMetrics, OpenWatch},
        outgoing::Outgoing,
        pace::Pace,
        page::{PAGE_BYTES_MAX, fill},
        request,
        stream::{Messages, Spoken},
        token::{ResumeToken, UsersToken, decode_rooms_token, encode_rooms_token},
    },
    pb::{self, presence_service_server::PresenceService},
    roster::{Roster, SnapshotReason, Start, Watch},
};

/// How long a resume token that is ahead of this server is waited for: a replica
/// that follows the same journal is behind for milliseconds.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// The messages of a watch.
type BoxedStream<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;

/// The same, as they go out.
pub(super) type OutgoingStream<M> = BoxedStream<Outgoing<M>>;

/// The service, over a roster.
#[derive(Clone, Debug)]
pub struct Presence {
    roster: Arc<Roster>,
    ready: Arc<AtomicBool>,
    progress_interval: Duration,
    watches: Arc<Semaphore>,
    answers: Arc<Answers>,
    metrics: GrpcMetrics,
}

impl Presence {
    /// Serves a roster once `ready` is set. A watch is told that nothing changed
    /// after `progress_interval` of silence; at most `watches_max` are open.
    pub fn new(
        roster: Arc<Roster>,
        ready: Arc<AtomicBool>,
        progress_interval: Duration,
        watches_max: usize,
        metrics: GrpcMetrics,
    ) -> Self {
        Self {
            roster,
            ready,
            progress_interval,
            watches: Arc::new(Semaphore::new(watches_max.min(Semaphore::MAX_PERMITS))),
            answers: Arc::new(Answers::new(metrics.answers_dropped.clone())),
            metrics,
        }
    }

    /// Counts a watch among those that are open, if one more may be.
    fn admit(&self) -> Result<OpenWatch, Status> {
        let permit = Arc::clone(&self.watches).try_acquire_owned();
        permit
            .map(|permit| OpenWatch::new(permit, &self.metrics))
            .map_err(|_| {
                self.metrics.watches_refused.inc();
                Status::resource_exhausted("too many watches are open")
            })
    }

    fn check_ready(&self) -> Result<(), Status> {
        if self.ready.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(Status::unavailable("the server is starting: try again"))
        }
    }

    /// Answers with the messages of a watch.
    fn stream<S: Spoken>(
        &self,
        watch: Option<Watch<S>>,
        context: S::Context,
        open: OpenWatch,
    ) -> Result<OutgoingStream<S::Message>, Status> {
        let watch = watch.ok_or_else(|| Status::not_found("the app is not configured"))?;
        let epoch = self.roster.epoch();
        let pace = Pace::new();
        let messages = Messages::new(watch, context, epoch, self.progress_interval, pace, open);
        Ok(Box::pin(messages.stream()))
    }

    /// The users of a room.
    pub(super) fn room_users(
        &self,
        request: pb::GetRoomUsersRequest,
    ) -> Result<Outgoing<pb::GetRoomUsersResponse>, Status> {
        self.check_ready()?;
        let room = request::room(&self.roster, &request.app, &request.room_id)?;
        let (app, id) = (room.app.as_str(), room.room.as_str());
        let token = match &*request.page_token {
            "" => None,
            token => Some(UsersToken::decode(token, app, id).map_err(request::bad_page_token)?),
        };
        let (revision, view) = self.roster.room(&room.app, &room.room);
        let incarnation = &view.summary.incarnation;
        if token
            .as_ref()
            .is_some_and(|token| Some(&token.incarnation) != incarnation.as_ref())
        {
            return Err(Status::aborted(
                "the room began another life: start from the first page",
            ));
        }
        let epoch = self.roster.epoch();
        let mut head = pb::GetRoomUsersResponse {
            room: Some(room.to_room(&view.summary)),
            users: Vec::new(),
            next_page_token: String::new(),
            revision,
            resume_token: ResumeToken { epoch, revision }.encode(),
        };
        let head_bytes = head.encoded_len();
        let is_all = token.is_none() && request.page_size == 0;
        let after = token.map(|token| token.after);
        let list = || {
            let items_max = items_max(request.page_size);
            list_users(&room, &view, after.as_ref(), items_max, head_bytes)
        };
        let listed = if is_all {
            self.answers.get(&room, &view.members, head_bytes, list)
        } else {
            list()
        };
        head.next_page_token = listed.next_page_token;
        let head = Bytes::from(head.encode_to_vec());
        Ok(Outgoing::Encoded([head, listed.users]))
    }

    /// The messages of a watch of a room.
    pub(super) async fn room_messages(
        &self,
        request: pb::WatchRoomRequest,
    ) -> Result<OutgoingStream<pb::WatchRoomResponse>, Status> {
        self.check_ready()?;
        let room = request::room(&self.roster, &request.app, &request.room_id)?;
        let token = request::resume_token(&request.resume_token)?;
        let open = self.admit()?;
        let start = self.start(token).await?;
        let watch = self.roster.watch_room(&room.app, &room.room, start);
        self.stream(watch, room, open)
    }

    /// The messages of a watch of a user.
    pub(super) async fn user_messages(
        &self,
        request: pb::WatchUserRequest,
    ) -> Result<OutgoingStream<pb::WatchUserResponse>, Status> {
        self.check_ready()?;
        let user = request::user(&self.roster, &request.app, &request.user_id)?;
        let token = request::resume_token(&request.resume_token)?;
        let open = self.admit()?;
        let start = self.start(token).await?;
        let watch = self.roster.watch_user(&user.app, &user.user, start);
        self.stream(watch, user, open)
    }

    /// Where a watch begins: after its token, as soon as this server is there.
    async fn start(&self, token: Option<ResumeToken>) -> Result<Start, Status> {
        let Some(ResumeToken { epoch, revision }) = token else {
            return Ok(Start::Snapshot(SnapshotReason::Initial));
        };
        if epoch != self.roster.epoch() {
            return Ok(Start::Snapshot(SnapshotReason::EpochChanged));
        }
        let reached = time::timeout(CATCH_UP_TIMEOUT, self.roster.reached(revision)).await;
        let behind = |_| Status::unavailable("resume_token is ahead of this server: try again");
        reached.map(|()| Start::After(revision)).map_err(behind)
    }
}

/// `page_size` as a number of items.
fn items_max(page_size: u32) -> usize {
    match page_size {
        0 => usize::MAX,
        size => usize::try_from(size).unwrap_or(usize::MAX),
    }
}

/// What was encoded for many, for one who wants messages.
fn decoded<M: prost::Message + Default + 'static>(messages: OutgoingStream<M>) -> BoxedStream<M> {
    Box::pin(messages.map(|message| message?.into_message().map_err(misencoded)))
}

fn misencoded(error: DecodeError) -> Status {
    Status::internal(error.to_string())
}

#[tonic::async_trait]
impl PresenceService for Presence {
    type WatchRoomStream = BoxedStream<pb::WatchRoomResponse>;
    type WatchUserStream = BoxedStream<pb::WatchUserResponse>;

    async fn get_room_users(
        &self,
        request: Request<pb::GetRoomUsersRequest>,
    ) -> Result<Response<pb::GetRoomUsersResponse>, Status> {
        let users = self.room_users(request.into_inner())?;
        users.into_message().map(Response::new).map_err(misencoded)
    }

    async fn watch_room(
        &self,
        request: Request<pb::WatchRoomRequest>,
    ) -> Result<Response<Self::WatchRoomStream>, Status> {
        let messages = self.room_messages(request.into_inner()).await?;
        Ok(Response::new(decoded(messages)))
    }

    async fn get_user(
        &self,
        request: Request<pb::GetUserRequest>,
    ) -> Result<Response<pb::GetUserResponse>, Status> {
        self.check_ready()?;
        let pb::GetUserRequest { app, user_id } = request.into_inner();
        let user = request::user(&self.roster, &app, &user_id)?;
        let (revision, view) = self.roster.user(&user.app, &user.user);
        let epoch = self.roster.epoch();
        Ok(Response::new(pb::GetUserResponse {
            user: Some(user.to_user(&view)),
            revision,
            resume_token: ResumeToken { epoch, revision }.encode(),
        }))
    }

    async fn watch_user(
        &self,
        request: Request<pb::WatchUserRequest>,
    ) -> Result<Response<Self::WatchUserStream>, Status> {
        let messages = self.user_messages(request.into_inner()).await?;
        Ok(Response::new(decoded(messages)))
    }

    async fn list_rooms(
        &self,
        request: Request<pb::ListRoomsRequest>,
    ) -> Result<Response<pb::ListRoomsResponse>, Status> {
        self.check_ready()?;
        let request = request.into_inner();
        let pb::ListRoomsRequest {
            prefix,
            page_token,
            page_size,
            ..
        } = &request;
        let app = request::app(&self.roster, &request.app)?;
        let after = match &**page_token {
            "" => None,
            token => {
                let last = decode_rooms_token(token, app.as_str(), prefix);
                Some(RoomId::from(&*last.map_err(request::bad_page_token)?))
            }
        };
        // Read before the rooms: whatever was applied by then is in them.
        let revision = self.roster.applied();
        let open = self.roster.open_rooms(&app, prefix, after);
        let page = fill(
            open,
            items_max(*page_size),
            PAGE_BYTES_MAX,
            |(room, summary)| {
                let (app, room) = (app.clone(), room.clone());
                RoomRef { app, room }.to_room(summary)
            },
        );
        let last = page.go_on_after;
        let next_page =
            last.map(|(room, _)| encode_rooms_token(app.as_str(), prefix, room.as_str()));
        Ok(Response::new(pb::ListRoomsResponse {
            rooms: page.messages,
            next_page_token: next_page.unwrap_or_default(),
            revision,
        }))
    }
}
