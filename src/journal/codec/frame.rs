//! Bytes with a checksum, compressed if that makes them shorter. A store may have checksums
//! of its own. This one covers the whole way from the writer to the reader.
//!
//! A frame is
//! 1. the kind, one byte;
//! 2. the CRC-32 (IEEE) of the kind and the contents, four bytes, little-endian;
//! 3. the contents. Of kind 0: as they are. Of kind 1: their length as four bytes,
//!    little-endian, and an LZ4 block.

use bytes::Bytes;

/// The kind of contents that are as they were given.
pub(super) const PLAIN: u8 = 0;
/// The kind of compressed contents.
pub(super) const LZ4: u8 = 1;

/// Shorter contents are not compressed, because it would save little.
const COMPRESS_BYTES_MIN: usize = 512;

/// The longest contents that are compressed. A group commit holds far less. A reader
/// allocates at most this much because of a damaged length.
pub(super) const CONTENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Why bytes cannot be decoded as a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// They are too short.
    #[error("it is cut off")]
    Short,
    /// They were changed since they were written.
    #[error("its checksum does not match")]
    Checksum,
    /// Another version may have written them.
    #[error("its kind {0} is unknown")]
    Kind(u8),
    /// The checksum is right, and the contents cannot be decompressed.
    #[error("it cannot be decompressed")]
    Compressed,
}

/// Puts contents into a frame.
pub(crate) fn encode(contents: &[u8]) -> Vec<u8> {
    let compressed = (COMPRESS_BYTES_MIN..=CONTENT_BYTES_MAX)
        .contains(&contents.len())
        .then(|| lz4_flex::compress_prepend_size(contents))
        .filter(|compressed| compressed.len() < contents.len());
    let (kind, body) = match &compressed {
        Some(compressed) => (LZ4, compressed.as_slice()),
        None => (PLAIN, contents),
    };
    let mut frame = Vec::with_capacity(1 + 4 + body.len());
    frame.push(kind);
    frame.extend(checksum(kind, body).to_le_bytes());
    frame.extend(body);
    frame
}

/// Takes contents out of a frame.
pub(crate) fn decode(frame: &[u8]) -> Result<Bytes, FrameError> {
    let (&kind, rest) = frame.split_first().ok_or(FrameError::Short)?;
    let (expected, body) = rest.split_first_chunk().ok_or(FrameError::Short)?;
    if checksum(kind, body) != u32::from_le_bytes(*expected) {
        return Err(FrameError::Checksum);
    }
    match kind {
        PLAIN => Ok(Bytes::copy_from_slice(body)),
        LZ4 => decompress(body),
        kind => Err(FrameError::Kind(kind)),
    }
}

/// The checksum of a kind and what follows the checksum.
pub(super) fn checksum(kind: u8, body: &[u8]) -> u32 {
    let mut hasher = hasher(kind);
    hasher.update(body);
    hasher.finalize()
}

/// What makes the checksum of a kind and of what it is given.
pub(super) fn hasher(kind: u8) -> crc32fast::Hasher {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher
}

fn decompress(body: &[u8]) -> Result<Bytes, FrameError> {
    let length = body.first_chunk().ok_or(FrameError::Compressed)?;
    if u32::from_le_bytes(*length) as usize > CONTENT_BYTES_MAX {
        return Err(FrameError::Compressed);
    }
    let contents = lz4_flex::decompress_size_prepended(body);
    Ok(contents.map_err(|_| FrameError::Compressed)?.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_repeats_is_compressed() {
        let contents = [b'x'; 4096];
        let frame = encode(&contents);
        assert!(frame.len() < 100, "{}", frame.len());
        assert_eq!(decode(&frame).unwrap(), contents.as_slice());
    }

    #[test]
    fn the_kind_is_guarded_too() {
        // As an LZ4 block, the contents would be empty.
        let mut frame = encode(&[0; 5]);
        frame[0] = LZ4;
        assert_eq!(decode(&frame), Err(FrameError::Checksum));
    }

    proptest! {
        #[test]
        fn frames_give_back_what_was_put_in(contents: Vec<u8>, times in 1usize..40) {
            let contents = contents.repeat(times);
            prop_assert_eq!(decode(&encode(&contents)).unwrap(), contents);
        }

        #[test]
        fn no_flipped_bit_goes_unnoticed(
            contents in proptest::collection::vec(0u8..4, 0..700),
            at: prop::sample::Index,
            bit in 0..8u32,
        ) {
            let mut frame = encode(&contents);
            let at = at.index(frame.len());
            frame[at] ^= 1 << bit;
            let decoded = decode(&frame);
            prop_assert!(decoded.is_err(), "{} {bit}: {:?}", at, decoded);
        }

        #[test]
        fn arbitrary_bytes_are_an_error_not_a_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
