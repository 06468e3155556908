//! Calls by gRPC whose answers are read as it suits an attacker.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use h2::{
    RecvStream,
    client::{self, ResponseFuture, SendRequest},
};
use http::Request;
use prost::Message;
use tokio::task::JoinSet;

use crate::{attack::From, front::Front};

/// The length of what gRPC sends before a message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// What a client that reads lets the server send before it has read that.
pub(crate) const WINDOW_BYTES: u32 = 1 << 20;

/// A connection. It answers pings until it is dropped, whether or not anything else is read.
pub(crate) struct Grpc {
    requests: SendRequest<Bytes>,
    connection: JoinSet<()>,
}

impl Grpc {
    /// Connects an attacker. The server may send so many bytes on each stream before they are
    /// read.
    pub(crate) async fn connect(attacker: usize, to: Front, window: u32) -> Option<Self> {
        let stream = From::Strangers(2).connect(attacker, to).await.ok()?;
        let mut client = client::Builder::new();
        client.initial_window_size(window);
        // Only streams are held up.
        client.initial_connection_window_size(1 << 30);
        let (requests, served) = client.handshake(stream).await.ok()?;
        let mut connection = JoinSet::new();
        connection.spawn(async move {
            let _ = served.await;
        });
        Some(Self {
            requests,
            connection,
        })
    }

    /// Calls a method. Nothing of the answer is read, and it is given up when it is dropped.
    pub(crate) async fn call(
        &self,
        method: &str,
        message: &impl Message,
    ) -> Option<ResponseFuture> {
        let mut body = BytesMut::new();
        body.put_u8(0);
        body.put_u32(u32::try_from(message.encoded_len()).unwrap());
        message.encode(&mut body).unwrap();
        let request = Request::post(format!("http://h/headcount.v1.PresenceService/{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .unwrap();
        let mut requests = self.requests.clone().ready().await.ok()?;
        let (answer, mut sending) = requests.send_request(request, false).ok()?;
        sending.send_data(body.freeze(), true).ok()?;
        Some(answer)
    }

    /// Waits until the server closes the connection.
    pub(crate) async fn closed(mut self) {
        self.connection.join_next().await;
    }
}

/// What all watches' messages have in common.
#[derive(Clone, PartialEq, Message)]
struct Told {
    #[prost(string, tag = "2")]
    resume_token: String,
}

/// Whether with a message of a watch its snapshot is complete.
pub(crate) fn completes(message: &[u8]) -> bool {
    // Only the last part of a snapshot has a token.
    Told::decode(message).is_ok_and(|told| !told.resume_token.is_empty())
}

/// Reads the messages of an answer until one is the last that is wanted, or there is none.
pub(crate) async fn read(answer: ResponseFuture, mut is_last: impl FnMut(&[u8]) -> bool) {
    let Ok(answer) = answer.await else {
        return;
    };
    let (mut stream, mut read) = (answer.into_body(), BytesMut::new());
    while let Some(more) = next(&mut stream).await {
        read.extend_from_slice(&more);
        while let Some(message) = take_message(&mut read) {
            if is_last(&message) {
                return;
            }
        }
    }
}

/// The next bytes of a stream, for which as many more may come.
async fn next(stream: &mut RecvStream) -> Option<Bytes> {
    let more = stream.data().await?.ok()?;
    let _ = stream.flow_control().release_capacity(more.len());
    Some(more)
}

fn take_message(read: &mut BytesMut) -> Option<BytesMut> {
    let mut length = read.get(1..PREFIX_BYTES)?;
    let length = PREFIX_BYTES + usize::try_from(length.get_u32()).unwrap();
    if read.len() < length {
        return None;
    }
    let mut message = read.split_to(length);
    message.advance(PREFIX_BYTES);
    Some(message)
}
