//! Takes the messages of responses away before tonic encodes them.

use std::{future::ready, sync::Arc};

use bytes::Bytes;
use futures_util::{
    Stream, StreamExt as _,
    stream::{self, Empty},
};
use parking_lot::Mutex;
use prost::Message;
use tonic::{Request, Response, Status, body::Body};

use crate::{
    grpc::{
        account::GrpcAccount,
        messages::{outgoing::Outgoing, pieces::Pieces},
        send_turns::SendTurns,
        service::generated::presence_service_server::PresenceService,
    },
    pb,
};

use super::message_body::MessageBody;

/// A presence service whose responses are sent in pieces: tonic sees responses without
/// messages, which [`restore_body`] completes.
#[derive(Clone, Debug)]
pub(in crate::grpc) struct InPieces<P>(pub(in crate::grpc) P);

/// A body on its way through tonic. Extensions have to be `Clone`; the first who takes the
/// body has it.
#[derive(Clone)]
struct BodyOnItsWay(Arc<Mutex<Option<Body>>>);

type Answer<M> = Result<Response<Outgoing<M>>, Status>;
type Messages<M> = Empty<Result<Outgoing<M>, Status>>;

/// Makes the messages that [`InPieces`] took away the body of the response.
pub(in crate::grpc) fn restore_body(mut response: http::Response<Body>) -> http::Response<Body> {
    let on_its_way = response.extensions_mut().remove::<BodyOnItsWay>();
    match on_its_way.and_then(|BodyOnItsWay(body)| body.lock().take()) {
        Some(body) => response.map(|_| body),
        // An error, or a response of another service.
        None => response,
    }
}

/// Moves the message of a response to a body.
fn one<M: Message + 'static>(
    response: Response<Outgoing<M>>,
    turns: Option<SendTurns>,
) -> Response<Outgoing<M>> {
    let (metadata, message, extensions) = response.into_parts();
    let pieces = stream::once(ready(Ok(message.into_pieces())));
    let nothing = Outgoing::Encoded(Pieces::from(Bytes::new()));
    let response = Response::from_parts(metadata, nothing, extensions);
    with_body(response, pieces, turns)
}

/// Moves the messages of a response to a body.
fn many<M, S>(response: Response<S>) -> Response<Messages<M>>
where
    M: Message + 'static,
    S: Stream<Item = Result<Outgoing<M>, Status>> + Send + 'static,
{
    let (metadata, messages, extensions) = response.into_parts();
    let pieces = messages.map(|message| message.map(Outgoing::into_pieces));
    let response = Response::from_parts(metadata, stream::empty(), extensions);
    // The service makes long messages in turns itself.
    with_body(response, pieces, None)
}

fn with_body<T>(
    mut response: Response<T>,
    pieces: impl Stream<Item = Result<Pieces, Status>> + Send + 'static,
    turns: Option<SendTurns>,
) -> Response<T> {
    let body = Body::new(MessageBody::new(pieces, turns));
    let on_its_way = BodyOnItsWay(Arc::new(Mutex::new(Some(body))));
    response.extensions_mut().insert(on_its_way);
    response
}

#[tonic::async_trait]
impl<P: PresenceService> PresenceService for InPieces<P> {
    type WatchRoomStream = Messages<pb::WatchRoomResponse>;
    type WatchUserStream = Messages<pb::WatchUserResponse>;

    async fn get_room_users(
        &self,
        request: Request<pb::GetRoomUsersRequest>,
    ) -> Answer<pb::GetRoomUsersResponse> {
        let turns = GrpcAccount::send_turns(request.extensions());
        let answer = self.0.get_room_users(request).await;
        answer.map(|response| one(response, turns))
    }

    async fn watch_room(
        &self,
        request: Request<pb::WatchRoomRequest>,
    ) -> Result<Response<Self::WatchRoomStream>, Status> {
        self.0.watch_room(request).await.map(many)
    }

    async fn list_rooms(
        &self,
        request: Request<pb::ListRoomsRequest>,
    ) -> Answer<pb::ListRoomsResponse> {
        let turns = GrpcAccount::send_turns(request.extensions());
        let answer = self.0.list_rooms(request).await;
        answer.map(|response| one(response, turns))
    }

    async fn get_user(&self, request: Request<pb::GetUserRequest>) -> Answer<pb::GetUserResponse> {
        let turns = GrpcAccount::send_turns(request.extensions());
        let answer = self.0.get_user(request).await;
        answer.map(|response| one(response, turns))
    }

    async fn watch_user(
        &self,
        request: Request<pb::WatchUserRequest>,
    ) -> Result<Response<Self::WatchUserStream>, Status> {
        self.0.watch_user(request).await.map(many)
    }
}
