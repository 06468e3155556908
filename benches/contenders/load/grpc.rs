//! gRPC of bytes: nothing is encoded or decoded on the harness's side, nor by a
//! bare server.

use std::{net::SocketAddr, time::Duration};

use bytes::{Buf as _, BufMut as _, Bytes};
use futures_util::stream::{self, StreamExt as _};
use http::uri::PathAndQuery;
use tonic::{
    Request, Status, Streaming,
    client::Grpc,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};

use crate::{Outcome, tls};

/// An answer may be as long as the servers allow.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Windows that never hold a server back: the rows are about servers.
const WINDOW_BYTES: u32 = 1 << 30;

const NO_BUFFER: usize = 512;
const YIELD_BYTES: usize = 32 << 10;

/// Messages are bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(NO_BUFFER, YIELD_BYTES)
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// A connection of its own.
pub(crate) async fn connect(address: SocketAddr) -> Outcome<Channel> {
    let mut endpoint = headcount_client::endpoint(&tls::url(address))?
        .initial_connection_window_size(WINDOW_BYTES)
        .initial_stream_window_size(WINDOW_BYTES)
        .connect_timeout(Duration::from_secs(10));
    if let Some(trusted) = tls::trusted()? {
        endpoint = endpoint.tls_config(trusted)?;
    }
    Ok(endpoint.connect().await?)
}

async fn client(channel: Channel) -> Outcome<Grpc<Channel>> {
    let mut client = Grpc::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    client.ready().await?;
    Ok(client)
}

/// Calls a method that answers once.
pub(crate) async fn call(channel: Channel, path: &'static str, request: Bytes) -> Outcome<Bytes> {
    let path = PathAndQuery::from_static(path);
    let mut client = client(channel).await?;
    let answer = client.unary(Request::new(request), path, Raw);
    Ok(answer.await?.into_inner())
}

/// Calls a method that answers with a stream. The request stays open, as etcd
/// wants it.
pub(crate) async fn watch(
    channel: Channel,
    path: &'static str,
    request: Bytes,
    stays_open: bool,
) -> Outcome<Streaming<Bytes>> {
    let mut client = client(channel).await?;
    let path = PathAndQuery::from_static(path);
    let answer = if stays_open {
        let requests = stream::iter([request]).chain(stream::pending());
        client.streaming(Request::new(requests), path, Raw).await?
    } else {
        client
            .server_streaming(Request::new(request), path, Raw)
            .await?
    };
    Ok(answer.into_inner())
}
