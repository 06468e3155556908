//! The service as it is served: the calls whose answers are sent to many go past the
//! generated code, which would encode them for each.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response};
use tonic::{
    Status,
    body::Body,
    server::{Grpc, NamedService, ServerStreamingService, UnaryService},
};
use tower::Service;

use super::{
    outgoing::{Outgoing, OutgoingCodec},
    service::{OutgoingStream, Presence},
};
use crate::pb::{
    self,
    presence_service_server::{PresenceServiceServer, SERVICE_NAME},
};

const GET_ROOM_USERS: &str = "/headcount.v1.PresenceService/GetRoomUsers";
const WATCH_ROOM: &str = "/headcount.v1.PresenceService/WatchRoom";
const WATCH_USER: &str = "/headcount.v1.PresenceService/WatchUser";

/// Serves a [`Presence`].
#[derive(Clone, Debug)]
pub(super) struct PresenceFront {
    presence: Presence,
    others: PresenceServiceServer<Presence>,
}

impl PresenceFront {
    pub(super) fn new(presence: Presence) -> Self {
        let others = PresenceServiceServer::new(presence.clone());
        Self { presence, others }
    }
}

impl NamedService for PresenceFront {
    const NAME: &'static str = SERVICE_NAME;
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Status>> + Send>>;
type Served = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl Service<Request<Body>> for PresenceFront {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Served;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Served {
        let presence = self.presence.clone();
        match request.uri().path() {
            GET_ROOM_USERS => Box::pin(async move {
                let mut grpc = Grpc::new(OutgoingCodec::new());
                Ok(grpc.unary(GetRoomUsers(presence), request).await)
            }),
            WATCH_ROOM => Box::pin(async move {
                let mut grpc = Grpc::new(OutgoingCodec::new());
                Ok(grpc.server_streaming(WatchRoom(presence), request).await)
            }),
            WATCH_USER => Box::pin(async move {
                let mut grpc = Grpc::new(OutgoingCodec::new());
                Ok(grpc.server_streaming(WatchUser(presence), request).await)
            }),
            _ => self.others.call(request),
        }
    }
}

struct GetRoomUsers(Presence);

impl UnaryService<pb::GetRoomUsersRequest> for GetRoomUsers {
    type Response = Outgoing<pb::GetRoomUsersResponse>;
    type Future = Answer<tonic::Response<Self::Response>>;

    fn call(&mut self, request: tonic::Request<pb::GetRoomUsersRequest>) -> Self::Future {
        let users = self.0.room_users(request.into_inner());
        Box::pin(std::future::ready(users.map(tonic::Response::new)))
    }
}

struct WatchRoom(Presence);

impl ServerStreamingService<pb::WatchRoomRequest> for WatchRoom {
    type Response = Outgoing<pb::WatchRoomResponse>;
    type ResponseStream = OutgoingStream<pb::WatchRoomResponse>;
    type Future = Answer<tonic::Response<Self::ResponseStream>>;

    fn call(&mut self, request: tonic::Request<pb::WatchRoomRequest>) -> Self::Future {
        let presence = self.0.clone();
        Box::pin(async move {
            let messages = presence.room_messages(request.into_inner()).await?;
            Ok(tonic::Response::new(messages))
        })
    }
}

struct WatchUser(Presence);

impl ServerStreamingService<pb::WatchUserRequest> for WatchUser {
    type Response = Outgoing<pb::WatchUserResponse>;
    type ResponseStream = OutgoingStream<pb::WatchUserResponse>;
    type Future = Answer<tonic::Response<Self::ResponseStream>>;

    fn call(&mut self, request: tonic::Request<pb::WatchUserRequest>) -> Self::Future {
        let presence = self.0.clone();
        Box::pin(async move {
            let messages = presence.user_messages(request.into_inner()).await?;
            Ok(tonic::Response::new(messages))
        })
    }
}
