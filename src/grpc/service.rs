//! `PresenceService`: validates, looks up, converts.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::Stream;
use prost::Message as _;
use tokio::{sync::Semaphore, time};
use tonic::{Request, Response, Status};

use crate::{
    event::RoomId,
    grpc::{
        convert::{RoomRef, to_user},
        metrics::{GrpcMetrics, OpenWatch},
        page::{PAGE_BYTES_MAX, fill},
        request,
        stream::{Messages, Spoken},
        token::{ResumeToken, UsersToken, decode_rooms_token, encode_rooms_token},
    },
    pb::{self, presence_service_server::PresenceService},
    room::MemberKey,
    roster::{Roster, SnapshotReason, Start, Watch},
};

/// How long a resume token that is ahead of this server is waited for: a replica
/// that follows the same journal is behind for milliseconds.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// The messages of a watch.
type BoxedStream<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;

/// The service, over a roster.
#[derive(Clone, Debug)]
pub struct Presence {
    roster: Arc<Roster>,
    ready: Arc<AtomicBool>,
    progress_interval: Duration,
    watches: Arc<Semaphore>,
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
    ) -> Result<Response<BoxedStream<S::Message>>, Status> {
        let watch = watch.ok_or_else(|| Status::not_found("the app is not configured"))?;
        let epoch = self.roster.epoch();
        let messages = Messages::new(watch, context, epoch, self.progress_interval, open);
        Ok(Response::new(Box::pin(messages.stream())))
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

#[tonic::async_trait]
impl PresenceService for Presence {
    type WatchRoomStream = BoxedStream<pb::WatchRoomResponse>;
    type WatchUserStream = BoxedStream<pb::WatchUserResponse>;

    async fn get_room_users(
        &self,
        request: Request<pb::GetRoomUsersRequest>,
    ) -> Result<Response<pb::GetRoomUsersResponse>, Status> {
        self.check_ready()?;
        let request = request.into_inner();
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
        let after = token.map(|token| token.after);
        let members = view.members.after(after.as_ref());
        let head = room.to_room(&view.summary);
        let bytes_max = PAGE_BYTES_MAX.saturating_sub(head.encoded_len());
        let page = fill(members, items_max(request.page_size), bytes_max, |m| {
            to_user(m)
        });
        let next_page = page
            .go_on_after
            .zip(incarnation.clone())
            .map(|(member, incarnation)| {
                let after = MemberKey::from(&**member);
                UsersToken { incarnation, after }.encode(app, id)
            });
        let epoch = self.roster.epoch();
        Ok(Response::new(pb::GetRoomUsersResponse {
            room: Some(head),
            users: page.messages,
            next_page_token: next_page.unwrap_or_default(),
            revision,
            resume_token: ResumeToken { epoch, revision }.encode(),
        }))
    }

    async fn watch_room(
        &self,
        request: Request<pb::WatchRoomRequest>,
    ) -> Result<Response<Self::WatchRoomStream>, Status> {
        self.check_ready()?;
        let request = request.into_inner();
        let room = request::room(&self.roster, &request.app, &request.room_id)?;
        let token = request::resume_token(&request.resume_token)?;
        let open = self.admit()?;
        let start = self.start(token).await?;
        let watch = self.roster.watch_room(&room.app, &room.room, start);
        self.stream(watch, room, open)
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
        self.check_ready()?;
        let pb::WatchUserRequest {
            app,
            user_id,
            resume_token,
        } = request.into_inner();
        let user = request::user(&self.roster, &app, &user_id)?;
        let token = request::resume_token(&resume_token)?;
        let open = self.admit()?;
        let start = self.start(token).await?;
        let watch = self.roster.watch_user(&user.app, &user.user, start);
        self.stream(watch, user, open)
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
