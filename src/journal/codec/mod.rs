//! How entries are stored, wherever they are: as blocks of consecutive entries, each block
//! in a frame that guards it.
//!
//! The codec knows nothing of files or of networks. It is the one place that decides what
//! the stored bytes are.

mod block;
pub(crate) mod frame;

use crate::journal::entry::{Entry, Revision};

use self::{block::BlockError, frame::FrameError};

/// Why stored bytes are no block of entries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CodecError {
    /// They are not what was written.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// They are what was written, and cannot be read.
    #[error(transparent)]
    Block(#[from] BlockError),
}

/// Encodes consecutive entries, of which the first has this revision.
pub(super) fn encode<'a>(first: Revision, entries: impl Iterator<Item = &'a Entry>) -> Vec<u8> {
    frame::encode(&block::encode(first, entries))
}

/// Decodes the entries of the block whose first entry has this revision.
pub(super) fn decode(first: Revision, bytes: &[u8]) -> Result<Vec<Entry>, CodecError> {
    Ok(block::decode(first, frame::decode(bytes)?)?)
}
