//! Messages that are sent, and the codec that writes them.
//!
//! A message that is sent on many streams is encoded once, and each stream writes the same
//! bytes. Other messages are encoded when they are written. To a client they look the same.

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

/// The initial size of a stream's buffer, enough for a change or two. It is small because
/// there are many streams. A buffer grows when larger messages are sent.
const BUFFER_BYTES: usize = 512;
/// How many bytes of messages are collected before they are handed to the connection.
const YIELD_BYTES: usize = 32 * 1024;

/// A message that is sent.
#[derive(Debug)]
pub enum Outgoing<M> {
    /// A message that is not encoded yet.
    Message(M),
    /// The encoding of a message, in two parts. One part may be empty.
    Encoded([Bytes; 2]),
}

impl<M: Message + Default> Outgoing<M> {
    /// The message. It is for a caller in the same process.
    ///
    /// # Errors
    /// When the bytes are not the encoding of such a message. This would be a bug of the
    /// server.
    pub fn into_message(self) -> Result<M, DecodeError> {
        match self {
            Self::Message(message) => Ok(message),
            Self::Encoded(parts) => M::decode(parts.concat().as_slice()),
        }
    }
}

impl<M> From<M> for Outgoing<M> {
    fn from(message: M) -> Self {
        Self::Message(message)
    }
}

/// Writes a field that contains a message: its key, its length and the message.
pub(in crate::grpc) fn put_message(tag: u32, message: &impl Message, out: &mut BytesMut) {
    put_field_header(tag, message.encoded_len(), out);
    message.encode_raw(out);
}

/// The most bytes that [`put_field_header`] writes for a field whose tag is below 16.
pub(in crate::grpc) const FIELD_HEADER_BYTES_MAX: usize = 6;

/// Writes the key and the length of a field that contains bytes or a message.
pub(in crate::grpc) fn put_field_header(tag: u32, length: usize, out: &mut BytesMut) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(length as u64, out);
}

/// A codec that writes messages `M`, which it encodes if they are not encoded yet, and decodes
/// requests `R`.
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
        // The same status as tonic's own codec returns.
        message
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}
