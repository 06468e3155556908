//! Messages that are encoded once and sent to many.
//!
//! Everybody who watches a room is sent the same bytes, so they are kept beside the
//! change that they tell of. A message is put together from such bytes where it is
//! written to its stream, and from a message otherwise; on the wire they are alike.

use std::{fmt, marker::PhantomData};

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::{
    DecodeError, Message,
    encoding::{WireType, encode_key, encode_varint},
};
use tonic::{
    Status,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// Room that a stream's buffer begins with: for a change or two. It grows with what
/// is sent, and there are many streams.
const BUFFER_BYTES: usize = 512;
/// Bytes of small messages that are handed to the connection together.
const YIELD_BYTES: usize = 32 * 1024;

/// A message on its way out.
#[derive(Debug)]
pub(super) enum Outgoing<M> {
    /// To be encoded.
    Message(M),
    /// Its encoding, in two parts, of which one may be empty.
    Encoded([Bytes; 2]),
}

impl<M: Message + Default> Outgoing<M> {
    /// The message, for who does not want its bytes.
    pub(super) fn into_message(self) -> Result<M, DecodeError> {
        match self {
            Self::Message(message) => Ok(message),
            Self::Encoded(parts) => M::decode(parts.concat().as_slice()),
        }
    }
}

/// Writes a field of bytes: its key, its length, and what is in it.
pub(super) fn put_field(tag: u32, contents: &[u8], out: &mut BytesMut) {
    put_field_head(tag, contents.len(), out);
    out.put_slice(contents);
}

/// Writes the key and the length of a field of bytes.
pub(super) fn put_field_head(tag: u32, length: usize, out: &mut BytesMut) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(length as u64, out);
}

/// Encodes messages `M`, if they are not yet, and decodes requests `R`.
pub(super) struct OutgoingCodec<M, R>(PhantomData<(M, R)>);

impl<M, R> OutgoingCodec<M, R> {
    pub(super) fn new() -> Self {
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
        Self::new()
    }

    fn decoder(&mut self) -> Self {
        Self::new()
    }
}

impl<M: Message, R> Encoder for OutgoingCodec<M, R> {
    type Item = Outgoing<M>;
    type Error = Status;

    fn encode(&mut self, item: Outgoing<M>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        match item {
            Outgoing::Encoded(parts) => parts.iter().for_each(|part| out.put_slice(part)),
            Outgoing::Message(message) => message
                .encode(out)
                .map_err(|error| Status::internal(error.to_string()))?,
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
        // The status that the generated service gives for the same.
        message
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}
