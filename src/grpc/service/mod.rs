//! The presence service. Each call checks its request, reads the roster and converts what it
//! read to a message.

mod answer_bytes;
mod request;
mod resume;
mod rooms_pages;
mod turns;
mod user_answers;
mod users_pages;

/// The trait of the service, generated from the proto. Its calls answer
/// [`Outgoing`](crate::grpc::Outgoing) messages.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::clone_on_ref_ptr)]
pub(super) mod generated {
    tonic::include_proto!("headcount.v1");
}

use std::{pin::Pin, sync::Arc, time::Duration};

use futures_util::Stream;
use prost::Message as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Extensions, Request, Response, Status};

use crate::{
    domain::RoomId,
    grpc::{
        access::Admitted,
        account::GrpcAccount,
        messages::{
            outgoing::Outgoing,
            pieces::Pieces,
            token::{ResumeToken, encode_rooms_token},
            wire_subject::WireSubject,
        },
        metrics::{GrpcMetrics, OpenWatch, WatchKind},
        stream::{HALF_APPLIED, Wakeups, WatchMessages},
    },
    net::Readiness,
    pb,
    roster::{Roster, Watch},
};

pub(super) use self::generated::presence_service_server::SERVICE_NAME;

use self::{
    answer_bytes::{ANSWER_BYTES_MAX, AnswerBytes},
    generated::presence_service_server::PresenceService,
    resume::CatchUps,
    rooms_pages::RoomsPages,
    turns::Turns,
    user_answers::UserAnswers,
    users_pages::{PageRequest, UsersPages},
};

/// How many rooms `ListRooms` lists if the request does not say how many. It takes about a
/// millisecond to list them.
const ROOMS_USUAL: usize = 1000;

/// The part of all watches that may be of health, which needs no credential, is one of so many.
const HEALTH_WATCHES_PART: usize = 8;

/// The messages of a watch.
type MessageStream<M> = Pin<Box<dyn Stream<Item = Result<Outgoing<M>, Status>> + Send>>;

/// The presence service over a roster.
#[derive(Clone, Debug)]
pub struct Presence {
    roster: Arc<Roster>,
    ready: Readiness,
    progress_interval: Duration,
    watches: Arc<Semaphore>,
    health_watches: Arc<Semaphore>,
    catch_ups: Arc<CatchUps>,
    wakeups: Arc<Wakeups>,
    users_pages: Arc<UsersPages>,
    rooms_pages: Arc<RoomsPages>,
    user_answers: Arc<UserAnswers>,
    metrics: GrpcMetrics,
}

impl Presence {
    /// Serves a roster as soon as `ready` is set. A watch without messages for
    /// `progress_interval` gets a progress message. At most `watches_max` watches are open.
    pub fn new(
        roster: Arc<Roster>,
        ready: Readiness,
        progress_interval: Duration,
        watches_max: usize,
        metrics: GrpcMetrics,
    ) -> Self {
        let bytes = AnswerBytes::new(ANSWER_BYTES_MAX);
        let turns = || Turns::new(metrics.heavy_calls_refused.clone());
        Self {
            roster,
            ready,
            progress_interval,
            watches: places(watches_max),
            health_watches: places((watches_max / HEALTH_WATCHES_PART).max(1)),
            catch_ups: Arc::new(CatchUps::new(metrics.catch_ups_refused.clone())),
            wakeups: Arc::default(),
            users_pages: Arc::new(UsersPages::new(bytes, turns(), metrics.clone())),
            rooms_pages: Arc::new(RoomsPages::new(turns(), metrics.clone())),
            user_answers: Arc::new(UserAnswers::new(turns(), metrics.clone())),
            metrics,
        }
    }

    /// The same, with so many bytes of answers that are made before they are sent.
    #[must_use]
    pub fn with_answer_bytes(mut self, bytes_max: usize) -> Self {
        let turns = Turns::new(self.metrics.heavy_calls_refused.clone());
        let bytes = AnswerBytes::new(bytes_max);
        self.users_pages = Arc::new(UsersPages::new(bytes, turns, self.metrics.clone()));
        self
    }

    fn check_ready(&self) -> Result<(), Status> {
        if self.ready.is_ready() {
            Ok(())
        } else {
            let stopped = self.ready.stopped();
            Err(Status::unavailable(
                stopped.unwrap_or("the server is starting: try again"),
            ))
        }
    }

    /// Checks, after the roster was read, that nothing that was read is half of an entry.
    fn check_whole(&self) -> Result<(), Status> {
        match self.roster.is_whole() {
            true => Ok(()),
            false => Err(Status::unavailable(HALF_APPLIED)),
        }
    }

    /// Counts one more watch as open, unless too many are open, in all or on the connection by
    /// which the request came.
    fn open_watch<T>(&self, request: &Request<T>, kind: WatchKind) -> Result<OpenWatch, Status> {
        let extensions = request.extensions();
        let account = GrpcAccount::of(extensions);
        let of_connection = account
            .map(|account| account.watch(extensions))
            .transpose()?;
        self.count_watch(of_connection, kind)
    }

    /// Counts one more watch of health as open, unless too many watches are open in all, or too many
    /// of health.
    pub(super) fn open_health_watch(&self) -> Result<OpenWatch, Status> {
        let of_health = Arc::clone(&self.health_watches).try_acquire_owned();
        let of_health = of_health.map_err(|_| self.refuse_watch())?;
        self.count_watch(Some(of_health), WatchKind::Health)
    }

    fn count_watch(
        &self,
        also: Option<OwnedSemaphorePermit>,
        kind: WatchKind,
    ) -> Result<OpenWatch, Status> {
        let permit = Arc::clone(&self.watches).try_acquire_owned();
        permit
            .map(|permit| OpenWatch::new(permit, also, &self.metrics, kind))
            .map_err(|_| self.refuse_watch())
    }

    fn refuse_watch(&self) -> Status {
        self.metrics.watches_refused.inc();
        Status::resource_exhausted("too many watches are open")
    }

    /// Where what this serves is counted.
    pub(super) fn metrics(&self) -> &GrpcMetrics {
        &self.metrics
    }

    /// Answers with the messages of a watch.
    fn stream<S: WireSubject>(
        &self,
        watch: Option<Watch<S>>,
        subject: S::Ref,
        extensions: &Extensions,
        open: OpenWatch,
    ) -> Result<Response<MessageStream<S::Message>>, Status> {
        let watch = watch.ok_or_else(|| Status::not_found("the app is not configured"))?;
        let (roster, wakeups) = (Arc::clone(&self.roster), Arc::clone(&self.wakeups));
        let turns = GrpcAccount::send_turns(extensions);
        let delivery = self.metrics.delivery_time.begin();
        let admitted = Admitted::of(extensions)?;
        let app = S::app(&subject).clone();
        let messages = WatchMessages::new(watch, subject, roster, wakeups, turns, delivery, open);
        let messages = Box::pin(messages.into_stream(self.progress_interval));
        Ok(Response::new(Box::pin(
            admitted.while_granted(&app, messages),
        )))
    }
}

#[tonic::async_trait]
impl PresenceService for Presence {
    type WatchRoomStream = MessageStream<pb::WatchRoomResponse>;
    type WatchUserStream = MessageStream<pb::WatchUserResponse>;

    async fn get_room_users(
        &self,
        request: Request<pb::GetRoomUsersRequest>,
    ) -> Result<Response<Outgoing<pb::GetRoomUsersResponse>>, Status> {
        self.check_ready()?;
        let message = request.get_ref();
        let room = request::room(&self.roster, &request, &message.app, &message.room_id)?;
        let token = request::users_token(&message.page_token, &room)?;
        let answer = self.roster.room(&room.app, &room.room);
        self.check_whole()?;
        let (revision, view) = (answer.revision, &answer.view);
        let incarnation = view.summary.incarnation.as_ref();
        if let Some(token) = &token
            && Some(&token.incarnation) != incarnation
        {
            return Err(Status::aborted(
                "the room began another life: start from the first page",
            ));
        }
        let mut head = pb::GetRoomUsersResponse {
            room: Some(room.to_room(&view.summary)),
            users: Vec::new(),
            next_page_token: String::new(),
            revision,
            resume_token: ResumeToken::at(&self.roster, revision).encode(),
        };
        let request = PageRequest {
            after: token.map(|token| token.after),
            users_max: items_max(message.page_size, usize::MAX),
            head_bytes: head.encoded_len(),
        };
        let page = self.users_pages.page(&room, &answer, request).await?;
        let (pieces, bytes, are_late) = (page.pieces(), page.bytes, page.is_made_late());
        head.next_page_token = page.next_page_token;
        let pieces = Pieces::new(&head, pieces, bytes, are_late);
        Ok(Response::new(Outgoing::Encoded(pieces)))
    }

    async fn watch_room(
        &self,
        request: Request<pb::WatchRoomRequest>,
    ) -> Result<Response<Self::WatchRoomStream>, Status> {
        self.check_ready()?;
        let message = request.get_ref();
        let room = request::room(&self.roster, &request, &message.app, &message.room_id)?;
        let token = request::resume_token(&message.resume_token)?;
        let open = self.open_watch(&request, WatchKind::Room)?;
        let start = self.start(token).await?;
        let watch = self.roster.watch_room(&room.app, &room.room, start);
        self.stream(watch, room, request.extensions(), open)
    }

    async fn get_user(
        &self,
        request: Request<pb::GetUserRequest>,
    ) -> Result<Response<Outgoing<pb::GetUserResponse>>, Status> {
        self.check_ready()?;
        let message = request.get_ref();
        let user = request::user(&self.roster, &request, &message.app, &message.user_id)?;
        let after = request::user_rooms_token(&message.page_token, &user)?;
        let rooms_max = items_max(message.page_size, user_answers::ROOMS_MAX);
        let rooms_max = rooms_max.min(user_answers::ROOMS_MAX);
        let (answers, roster) = (&self.users_pages, &self.roster);
        let answer = self
            .user_answers
            .answer(answers, roster, &user, after, rooms_max);
        let answer = answer.await?;
        self.check_whole()?;
        Ok(Response::new(answer))
    }

    async fn watch_user(
        &self,
        request: Request<pb::WatchUserRequest>,
    ) -> Result<Response<Self::WatchUserStream>, Status> {
        self.check_ready()?;
        let message = request.get_ref();
        let user = request::user(&self.roster, &request, &message.app, &message.user_id)?;
        let token = request::resume_token(&message.resume_token)?;
        let open = self.open_watch(&request, WatchKind::User)?;
        let start = self.start(token).await?;
        let watch = self.roster.watch_user(&user.app, &user.user, start);
        self.stream(watch, user, request.extensions(), open)
    }

    async fn list_rooms(
        &self,
        request: Request<pb::ListRoomsRequest>,
    ) -> Result<Response<Outgoing<pb::ListRoomsResponse>>, Status> {
        self.check_ready()?;
        let message = request.get_ref();
        let app = request::app(&self.roster, &request, &message.app)?;
        let prefix = &message.prefix;
        let after = request::rooms_token(&message.page_token, &app, prefix)?;
        // Read before the rooms, so that the rooms contain every entry up to it.
        let revision = self.roster.applied();
        let rooms_max = items_max(message.page_size, ROOMS_USUAL);
        let pages = &self.rooms_pages;
        let answers = &self.users_pages;
        let page = pages.page(answers, &self.roster, &app, prefix, after, rooms_max);
        let page = page.await?;
        self.check_whole()?;
        let token = |last: RoomId| encode_rooms_token(app.as_str(), prefix, last.as_str());
        let head = pb::ListRoomsResponse {
            rooms: Vec::new(),
            next_page_token: page.continue_after.map(token).unwrap_or_default(),
            revision,
        };
        let pieces = Pieces::new(&head, page.pieces.into_iter(), page.bytes, false);
        Ok(Response::new(Outgoing::Encoded(pieces)))
    }
}

/// Places for so many watches.
fn places(max: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)))
}

/// `page_size` as a number of items. 0 means `usual`.
fn items_max(page_size: u32, usual: usize) -> usize {
    match page_size {
        0 => usual,
        size => usize::try_from(size).unwrap_or(usize::MAX),
    }
}
