//! The codec of stored entries. A block is a number of consecutive entries; each block is in
//! a frame, which has a checksum.
//!
//! The codec knows nothing of files or networks. All journals that store entries use it, so
//! their bytes are the same.

mod block;
pub(crate) mod frame;
mod salvage;

use crate::journal::{
    chain::ChainHash,
    decoder::Decoder,
    entry::{Entry, Revision},
};

use self::frame::FrameError;

pub(super) use self::{
    block::{Block, BlockError},
    salvage::{Found, blocks as find_blocks},
};

/// Why stored bytes cannot be decoded as a block of entries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CodecError {
    /// They were changed since they were written.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// They are as they were written, and this version cannot read them.
    #[error(transparent)]
    Block(#[from] BlockError),
}

/// Encodes consecutive entries, of which the first has this revision. Everything before them
/// has the hash `chain`.
pub(super) fn encode<'a>(
    first: Revision,
    chain: ChainHash,
    entries: impl Iterator<Item = &'a Entry>,
) -> Vec<u8> {
    frame::encode(&block::encode(first, chain, entries))
}

/// Decodes the entries of the block whose first entry has this revision.
pub(super) fn decode(
    first: Revision,
    bytes: &[u8],
    decoder: &Decoder,
) -> Result<Block, CodecError> {
    Ok(block::decode(first, frame::decode(bytes)?, decoder)?)
}
