//! Finds blocks in bytes of any kind, such as those of a damaged file.
//!
//! A frame does not say how long it is, because a store says so. But its contents do: the fields
//! of a message and the sequences of an LZ4 block say how long each of them is. So the end of a
//! frame is found from its beginning, and the checksum says whether it is one.

use std::{iter, ops::Range};

use prost::{
    Message as _,
    encoding::{DecodeContext, decode_key, skip_field},
};

use super::frame;
use crate::{
    journal::{chain::ChainHash, entry::Revision},
    stored,
};

/// What a block begins with: the key of `first_revision`, which is never 0.
const BLOCK_KEY: u8 = 8;

/// A block that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::journal) struct Found {
    pub(in crate::journal) first: Revision,
    pub(in crate::journal) last: Revision,
    /// What it says of everything before it.
    before: ChainHash,
    /// The hash of everything up to its end.
    hash: ChainHash,
    /// Where its frame is.
    pub(in crate::journal) frame: Range<usize>,
}

/// The blocks in `bytes`, in the order of their revisions; none begins before the end of the one
/// before it.
pub(in crate::journal) fn blocks(bytes: &[u8]) -> Vec<Found> {
    let mut found: Vec<Found> = frames(bytes)
        .filter_map(|frame| read(bytes, frame))
        .collect();
    found.sort_by_key(|block| block.first);
    // A store may keep former copies of a block.
    found.dedup_by_key(|block| (block.first, block.hash));
    consecutive(&found)
}

/// Of blocks in the order of their first revisions, those that fit each other. Of several at one
/// place, the one that its neighbours are chained to counts: what a sender put into a body may
/// look like a block, but does not have the hash.
fn consecutive(found: &[Found]) -> Vec<Found> {
    let mut fitting: Vec<Found> = Vec::new();
    for rivals in found.chunk_by(|a, b| a.first == b.first) {
        let before = fitting.last();
        if before.is_some_and(|before| before.last >= rivals[0].first) {
            continue;
        }
        let adjacent = before.filter(|before| before.last + 1 == rivals[0].first);
        let goes_on = |block: &&Found| adjacent.is_none_or(|before| block.follows(before));
        let is_chained = |block: &&Found| {
            let after = found.partition_point(|other| other.first <= block.last);
            let after = found[after..].iter();
            let mut next = after.take_while(|other| other.first == block.last + 1);
            next.any(|next| next.before == block.hash)
        };
        let mut fit = rivals.iter().filter(goes_on);
        let chosen = (fit.clone().find(is_chained)).or_else(|| fit.next());
        fitting.extend(chosen.cloned());
    }
    fitting
}

impl Found {
    /// Whether it can come right after a block. Blocks of earlier versions have no hashes.
    fn follows(&self, before: &Self) -> bool {
        let is_unhashed = [ChainHash::NONE, ChainHash::UNKNOWN].contains(&self.before);
        is_unhashed || self.before == before.hash
    }
}

fn read(bytes: &[u8], frame: Range<usize>) -> Option<Found> {
    let stored = bytes.get(frame.clone())?;
    let block = stored::Block::decode(frame::decode(stored).ok()?).ok()?;
    let count = block.entries.len() as Revision;
    let before = ChainHash::from_number(block.chain);
    let first = block.first_revision;
    Some(Found {
        first,
        last: first.checked_add(count.checked_sub(1)?)?,
        before,
        hash: before.extended(stored),
        frame,
    })
}

/// Where frames of blocks are, none within another.
fn frames(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    iter::from_fn(move || {
        while from < bytes.len() {
            let begin = from;
            from += 1;
            if let Some(length) = frame_length(&bytes[begin..]) {
                from = begin + length;
                return Some(begin..from);
            }
        }
        None
    })
}

/// The length of the frame that begins here, if one does.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let (kind, rest) = bytes.split_first()?;
    let (checksum, body) = rest.split_first_chunk()?;
    let checksum = u32::from_le_bytes(*checksum);
    let length = match *kind {
        frame::PLAIN => message_length(body, checksum)?,
        frame::LZ4 => compressed_length(body)?,
        _ => return None,
    };
    let is_frame = frame::checksum(*kind, &body[..length]) == checksum;
    is_frame.then_some(bytes.len() - body.len() + length)
}

/// The length of the message that begins here and has this checksum: it ends with a field.
fn message_length(body: &[u8], checksum: u32) -> Option<usize> {
    if body.first() != Some(&BLOCK_KEY) {
        return None;
    }
    let mut hasher = frame::hasher(frame::PLAIN);
    let mut rest = body;
    loop {
        let field = rest;
        let (tag, wire_type) = decode_key(&mut rest).ok()?;
        skip_field(wire_type, tag, &mut rest, DecodeContext::default()).ok()?;
        hasher.update(&field[..field.len() - rest.len()]);
        if hasher.clone().finalize() == checksum {
            return Some(body.len() - rest.len());
        }
    }
}

/// The length of the LZ4 block that begins here, with the length of its contents before it.
///
/// A block is a number of sequences. Each is a token, literals, and a reference to what came
/// before; the last has no reference.
fn compressed_length(body: &[u8]) -> Option<usize> {
    let (contents, block) = body.split_first_chunk()?;
    let contents = u32::from_le_bytes(*contents) as usize;
    if contents > frame::CONTENT_BYTES_MAX {
        return None;
    }
    let (mut at, mut decompressed) = (0, 0);
    loop {
        let token = *block.get(at)?;
        at += 1;
        let literals = run_length(token >> 4, block, &mut at)?;
        // It begins with literals, because there is nothing to refer to.
        if decompressed == 0 && (literals == 0 || block.get(at) != Some(&BLOCK_KEY)) {
            return None;
        }
        at = at.checked_add(literals)?;
        decompressed += literals;
        if at > block.len() || decompressed > contents {
            return None;
        }
        if decompressed == contents {
            return Some(body.len() - block.len() + at);
        }
        at += LZ4_OFFSET_BYTES;
        decompressed += LZ4_MATCH_MIN + run_length(token & 0xf, block, &mut at)?;
    }
}

/// The bytes of the place that a sequence refers to.
const LZ4_OFFSET_BYTES: usize = 2;
/// The least length that a sequence repeats.
const LZ4_MATCH_MIN: usize = 4;

/// A length of which a token has the first four bits: if all of them are set, bytes are added
/// until one is not 255.
fn run_length(bits: u8, block: &[u8], at: &mut usize) -> Option<usize> {
    let mut length = usize::from(bits);
    if bits == 0xf {
        loop {
            let more = *block.get(*at)?;
            *at += 1;
            length += usize::from(more);
            if more != u8::MAX {
                break;
            }
        }
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn block(first: Revision, before: ChainHash, bodies: &[Vec<u8>]) -> Vec<u8> {
        let entries = bodies.iter().map(|body| stored::Entry {
            received_at: 1,
            payload: Some(stored::entry::Payload::Callback(stored::Callback {
                body: Bytes::copy_from_slice(body),
                ..stored::Callback::default()
            })),
        });
        let block = stored::Block {
            first_revision: first,
            chain: before.number(),
            entries: entries.collect(),
        };
        frame::encode(&block.encode_to_vec())
    }

    /// Short and long bodies, those that can be compressed and those that cannot.
    fn body() -> impl Strategy<Value = Vec<u8>> {
        let anything = prop::collection::vec(any::<u8>(), 0..1500);
        let repeated = (prop::collection::vec(any::<u8>(), 1..20), 0..200_usize)
            .prop_map(|(part, times)| part.repeat(times));
        prop_oneof![anything, repeated]
    }

    /// Blocks that go on from each other, with something between them.
    fn file(blocks: &[Vec<Vec<u8>>], between: &[u8]) -> (Vec<u8>, Vec<Found>) {
        let (mut file, mut found) = (Vec::new(), Vec::<Found>::new());
        for bodies in blocks {
            let first = found.last().map_or(1, |before| before.last + 1);
            let before = found.last().map_or(ChainHash::NONE, |before| before.hash);
            file.extend(between);
            let stored = block(first, before, bodies);
            found.push(Found {
                first,
                last: first + bodies.len() as Revision - 1,
                before,
                hash: before.extended(&stored),
                frame: file.len()..file.len() + stored.len(),
            });
            file.extend(stored);
        }
        file.extend(between);
        (file, found)
    }

    fn bodies() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
        prop::collection::vec(prop::collection::vec(body(), 1..4), 1..8)
    }

    #[test]
    fn of_two_blocks_at_one_place_the_chained_one_counts() {
        let (file, found) = file(&[vec![vec![1]], vec![vec![2]], vec![vec![3]]], b"");
        let forged = block(2, ChainHash::from_number(9), &[vec![4]]);
        // With the block before it, and without: then the block after it decides.
        for (file, found) in [
            (&file[..], &found[..]),
            (&file[found[1].frame.start..], &found[1..]),
        ] {
            for bytes in [[file, &forged].concat(), [&forged, file].concat()] {
                let read: Vec<_> = blocks(&bytes).into_iter().map(|block| block.hash).collect();
                let expected: Vec<_> = found.iter().map(|block| block.hash).collect();
                assert_eq!(read, expected);
            }
        }
    }

    proptest! {
        #[test]
        fn every_block_that_was_not_hit_is_found(
            blocks_written in bodies(),
            between in prop::collection::vec(0..9_u8, 0..9),
            damage: prop::sample::Index,
            length in 1..700_usize,
        ) {
            let (mut bytes, mut expected) = file(&blocks_written, &between);
            let begin = damage.index(bytes.len());
            let end = bytes.len().min(begin + length);
            bytes[begin..end].iter_mut().for_each(|byte| *byte ^= 0xa5);
            expected.retain(|block| block.frame.end <= begin || block.frame.start >= end);
            prop_assert_eq!(blocks(&bytes), expected);
        }

        #[test]
        fn arbitrary_bytes_are_no_blocks_and_do_not_panic(bytes: Vec<u8>, kind in 0..2_u8) {
            let bytes = [&[kind][..], &bytes[..4.min(bytes.len())], &[BLOCK_KEY], &bytes].concat();
            prop_assert_eq!(blocks(&bytes), vec![]);
        }
    }
}
