//! Checks that blocks go on from each other, by their revisions and their hashes.

use crate::journal::{ChainHash, ChainPoint, Revision, StoreError, disk::segment::SegmentName};

/// The chain of the blocks that were read so far.
pub(super) struct Chain(Option<ChainPoint>);

impl Chain {
    /// The chain of a reader that knows this block, if any, from elsewhere.
    pub(super) fn after(known: Option<ChainPoint>) -> Self {
        Self(known)
    }

    /// Whether a block with this last entry is before the one that the reader knows, which has
    /// not been read: then it may be missing.
    pub(super) fn is_before(&self, last: Revision) -> bool {
        self.0.is_some_and(|known| last < known.first)
    }

    /// Adds the next block, and checks that it goes on from the one before.
    pub(super) fn extend(
        &mut self,
        file: SegmentName,
        (first, last): (Revision, Revision),
        before: ChainHash,
        block: &[u8],
    ) -> Result<ChainPoint, StoreError> {
        // Earlier versions did not store the hash of what was before a block.
        let is_unhashed = before == ChainHash::NONE && first > 1;
        let hash = if is_unhashed {
            ChainHash::NONE
        } else {
            before.extended(block)
        };
        let fits = match self.0 {
            None => true,
            // The first block that is read may be the one that the reader knows the end of.
            Some(known) if known.last == last => known.hash == hash,
            Some(known) => {
                let is_hashed = before == known.hash && !is_unhashed;
                let is_known = is_hashed || is_unhashed || before == ChainHash::UNKNOWN;
                known.last + 1 == first && is_known
            }
        };
        if !fits {
            return Err(StoreError::OtherHistory {
                file: file.to_string(),
                revision: first,
            });
        }
        let point = ChainPoint { first, last, hash };
        self.0 = Some(point);
        Ok(point)
    }
}
