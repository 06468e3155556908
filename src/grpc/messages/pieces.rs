//! The bytes of one message, in pieces.

use std::{fmt, iter};

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::Message;

/// The most bytes of a piece, unless a single item is longer. It is the longest frame that
/// every HTTP/2 client accepts (RFC 9113, section 4.2). A stream whose client does not read
/// holds one piece.
pub(in crate::grpc) const PIECE_BYTES: usize = 16 * 1024;

/// The length of what gRPC sends before a message: whether it is compressed, and its length.
pub(in crate::grpc) const PREFIX_BYTES: usize = 5;

/// The most bytes that are copied to send them together with the head of a message. A frame
/// that is much smaller costs as much as the copy.
const JOINED_BYTES_MAX: usize = 4 * 1024;

/// The pieces after the first.
type Rest = Box<dyn Iterator<Item = Bytes> + Send>;

/// The bytes of one message as gRPC sends them: a prefix and the encoding, in pieces. The
/// pieces are made when they are taken, or before.
pub struct Pieces {
    /// What is taken first.
    first: Option<Bytes>,
    rest: Option<Rest>,
    /// How many bytes there are of those that are made when they are taken.
    late_bytes: usize,
}

impl Pieces {
    /// A message that consists of the fields in `head`, and of the fields in `rest`, whose
    /// pieces are `rest_bytes` long together. `are_late` says whether these are made when they are
    /// taken.
    pub(in crate::grpc) fn new(
        head: &impl Message,
        rest: impl Iterator<Item = Bytes> + Send + 'static,
        rest_bytes: usize,
        are_late: bool,
    ) -> Self {
        let head_bytes = head.encoded_len();
        let is_short = rest_bytes <= JOINED_BYTES_MAX;
        let joined_bytes = if is_short { rest_bytes } else { 0 };
        let mut first = BytesMut::with_capacity(PREFIX_BYTES + head_bytes + joined_bytes);
        put_prefix(head_bytes + rest_bytes, &mut first);
        head.encode_raw(&mut first);
        let rest: Option<Rest> = if is_short {
            rest.for_each(|piece| first.put_slice(&piece));
            None
        } else {
            Some(Box::new(rest))
        };
        Self {
            first: Some(first.freeze()),
            late_bytes: if are_late && !is_short { rest_bytes } else { 0 },
            rest,
        }
    }

    /// Whether the next piece is made when it is taken.
    pub(in crate::grpc) fn is_next_late(&self) -> bool {
        self.first.is_none() && self.late_bytes > 0
    }
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let next = self.rest.as_mut()?.next();
        match &next {
            Some(piece) => self.late_bytes = self.late_bytes.saturating_sub(piece.len()),
            None => self.rest = None,
        }
        next
    }
}

/// A message whose bytes are all known. A long one is cut, so that a stream whose client does
/// not read is noticed before all of it was handed over.
impl From<Bytes> for Pieces {
    fn from(mut bytes: Bytes) -> Self {
        let mut cut = move || bytes.split_to(bytes.len().min(PIECE_BYTES));
        let first = cut();
        let is_long = first.len() == PIECE_BYTES;
        let rest = || iter::from_fn(move || Some(cut()).filter(|piece| !piece.is_empty()));
        Self {
            first: Some(first),
            rest: is_long.then(|| Box::new(rest()) as Rest),
            late_bytes: 0,
        }
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pieces")
            .field("first", &self.first)
            .finish_non_exhaustive()
    }
}

/// Writes the prefix of a message that is not compressed and takes `length` bytes.
pub(in crate::grpc) fn put_prefix(length: usize, out: &mut BytesMut) {
    out.put_u8(0);
    // Messages are far below 4 GiB: a page has at most 4 MiB.
    out.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_known_is_cut_into_pieces() {
        for (length, expected) in [
            (0, vec![0]),
            (1, vec![1]),
            (PIECE_BYTES - 1, vec![PIECE_BYTES - 1]),
            (PIECE_BYTES, vec![PIECE_BYTES]),
            (PIECE_BYTES + 1, vec![PIECE_BYTES, 1]),
            (2 * PIECE_BYTES, vec![PIECE_BYTES; 2]),
            (2 * PIECE_BYTES + 7, vec![PIECE_BYTES, PIECE_BYTES, 7]),
        ] {
            let bytes: Bytes = (0..length).map(|it| it as u8).collect();
            let mut pieces = Pieces::from(bytes.clone());
            let taken: Vec<_> = iter::from_fn(|| {
                assert!(!pieces.is_next_late(), "all is made");
                pieces.next()
            })
            .collect();
            let lengths: Vec<_> = taken.iter().map(Bytes::len).collect();
            assert_eq!(lengths, expected);
            assert_eq!(taken.concat(), bytes);
        }
    }
}
