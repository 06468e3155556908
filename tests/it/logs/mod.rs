//! The log of a running process: how its lines are written, which there are, and what none of
//! them has.

mod format;
mod reload;
mod secrets;

use bytes::Bytes;
use headcount::pb::GetRoomUsersRequest;
use headcount_client::{Client, Credentials, endpoint, from_channel};
use http::{Request, Response};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::common::child::{Site, ZEGO_APP};

/// The answer to a request on a connection of its own.
async fn send(site: &Site, request: Request<Full<Bytes>>, by_http2: bool) -> Response<Incoming> {
    let io = TcpStream::connect(site.webhook_address()).await.unwrap();
    let io = TokioIo::new(io);
    if by_http2 {
        let connected = http2::handshake(TokioExecutor::new(), io).await;
        let (mut requests, connection) = connected.unwrap();
        tokio::spawn(connection);
        return requests.send_request(request).await.unwrap();
    }
    let (mut requests, connection) = http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    requests.send_request(request).await.unwrap()
}

/// A POST to the webhook front.
fn post(site: &Site, target: &str, body: &str) -> Request<Full<Bytes>> {
    let authority = site.webhook_address();
    let request = Request::post(format!("http://{authority}{target}"));
    let request = request.header("host", authority.to_string());
    request.body(Full::from(body.to_owned())).unwrap()
}

/// A client that shows this token.
fn client(site: &Site, token: &str) -> Client {
    let endpoint = endpoint(&format!("http://{}", site.grpc_address())).unwrap();
    from_channel(endpoint.connect_lazy(), Credentials::bearer(token).unwrap())
}

fn users_of(room: &str) -> GetRoomUsersRequest {
    GetRoomUsersRequest {
        app: ZEGO_APP.to_owned(),
        room_id: room.to_owned(),
        ..GetRoomUsersRequest::default()
    }
}
