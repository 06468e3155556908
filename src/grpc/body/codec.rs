//! The codec that tonic's service is generated with.

use std::{fmt, marker::PhantomData};

use bytes::BufMut as _;
use prost::Message;
use tonic::{
    Status,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use crate::grpc::messages::{outgoing::Outgoing, pieces::PREFIX_BYTES};

/// The initial size of tonic's buffer. It is small because the buffer is not used where
/// messages are sent in pieces.
const BUFFER_BYTES: usize = 16;
/// The initial size of tonic's buffer for a request. Nearly all fit, and a request whose message does
/// not come takes 10 KiB with it. With tonic's 8 KiB it took 14.
const REQUEST_BUFFER_BYTES: usize = 256;
/// How many bytes of messages tonic collects before it hands them to the connection.
const YIELD_BYTES: usize = 32 * 1024;

/// A codec that writes messages `M`, which may be encoded already, and decodes requests `R`.
pub(crate) struct OutgoingCodec<M, R>(PhantomData<(M, R)>);

impl<M, R> Default for OutgoingCodec<M, R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<M, R> fmt::Debug for OutgoingCodec<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutgoingCodec")
    }
}

impl<M, R> Codec for OutgoingCodec<M, R>
where
    M: Message + Default + 'static,
    R: Message + Default + 'static,
{
    type Encode = Outgoing<M>;
    type Decode = R;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self::default()
    }

    fn decoder(&mut self) -> Self {
        Self::default()
    }
}

impl<M: Message, R> Encoder for OutgoingCodec<M, R> {
    type Item = Outgoing<M>;
    type Error = Status;

    fn encode(&mut self, item: Outgoing<M>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        // tonic writes a prefix of its own.
        let mut prefix = PREFIX_BYTES;
        for piece in item.into_pieces() {
            let skipped = prefix.min(piece.len());
            prefix -= skipped;
            out.put_slice(&piece[skipped..]);
        }
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER_BYTES, YIELD_BYTES)
    }
}

impl<M, R: Message + Default> Decoder for OutgoingCodec<M, R> {
    type Item = R;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<R>, Status> {
        let message = R::decode(from);
        // The same status as tonic's own codec returns.
        message
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(REQUEST_BUFFER_BYTES, YIELD_BYTES)
    }
}
