//! Messages that are sent.
//!
//! A message that is sent on many streams is encoded once, and each stream writes the same
//! bytes. A long message is encoded piece by piece while it is sent. Other messages are encoded
//! when they are sent. To a client they all look the same.

use bytes::{Bytes, BytesMut};
use prost::{
    DecodeError, Message,
    encoding::{WireType, encode_key, encode_varint},
};

use super::pieces::{PREFIX_BYTES, Pieces, put_prefix};

/// A message that is sent.
#[derive(Debug)]
pub enum Outgoing<M> {
    /// A message that is not encoded yet. It is short: its bytes are handed over at once.
    Message(M),
    /// The bytes of a message, as gRPC sends them.
    Encoded(Pieces),
}

impl<M: Message> Outgoing<M> {
    /// The bytes of the message, as gRPC sends them.
    pub(in crate::grpc) fn into_pieces(self) -> Pieces {
        match self {
            Self::Encoded(pieces) => pieces,
            Self::Message(message) => Pieces::from(encoded(&message)),
        }
    }
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
            Self::Encoded(pieces) => {
                let pieces: Vec<Bytes> = pieces.collect();
                M::decode(pieces.concat().get(PREFIX_BYTES..).unwrap_or_default())
            }
        }
    }
}

impl<M> From<M> for Outgoing<M> {
    fn from(message: M) -> Self {
        Self::Message(message)
    }
}

/// The bytes of a message, as gRPC sends them.
pub(in crate::grpc) fn encoded(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(PREFIX_BYTES + length);
    put_prefix(length, &mut bytes);
    message.encode_raw(&mut bytes);
    bytes.freeze()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{grpc::messages::pieces::PIECE_BYTES, pb};

    #[test]
    fn the_prefix_of_a_long_message_is_part_of_its_first_piece() {
        let message = pb::ListRoomsResponse {
            next_page_token: "x".repeat(PIECE_BYTES - PREFIX_BYTES),
            ..pb::ListRoomsResponse::default()
        };
        let length = message.encoded_len();
        let pieces: Vec<Bytes> = Outgoing::Message(message.clone()).into_pieces().collect();
        let lengths: Vec<_> = pieces.iter().map(Bytes::len).collect();
        assert_eq!(lengths, [PIECE_BYTES, PREFIX_BYTES + length - PIECE_BYTES]);
        let mut prefix = vec![0];
        prefix.extend(u32::try_from(length).unwrap().to_be_bytes());
        assert_eq!(pieces[0][..PREFIX_BYTES], prefix);
        let again = Outgoing::<pb::ListRoomsResponse>::Encoded(Pieces::from(
            pieces.concat().into_iter().collect::<Bytes>(),
        ));
        assert_eq!(again.into_message().unwrap(), message);
    }
}
