//! A hash of all that a journal has held. It tells apart journals whose entries have the same
//! revisions: a data folder that was restored from a backup goes on with other entries than the
//! folder that was lost.

use sha2::{Digest as _, Sha256};

use super::Revision;

/// A hash of every block of entries up to one, chained: each depends on all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChainHash(u64);

/// A block of entries, and the hash of everything up to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainPoint {
    /// The revision of the block's first entry.
    pub first: Revision,
    /// The revision of the block's last entry.
    pub last: Revision,
    /// The hash of all blocks up to this one.
    pub hash: ChainHash,
}

impl ChainHash {
    /// The hash before the first entry, and of blocks whose writer knew no hashes.
    pub const NONE: Self = Self(0);

    /// What a block says of the blocks before it if its writer did not know their hash: they are
    /// of an earlier version, or of another journal that was copied.
    pub(super) const UNKNOWN: Self = Self(1);

    /// The hash that has this number.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The hash as a number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The hash of everything up to a block, from the hash before it and the bytes that are
    /// stored of it.
    pub(super) fn extended(self, block: &[u8]) -> Self {
        let hash = Sha256::new_with_prefix(self.0.to_le_bytes()).chain_update(block);
        let hash: [u8; 32] = hash.finalize().into();
        let number = hash
            .first_chunk()
            .map_or(0, |first| u64::from_le_bytes(*first));
        // The numbers below are not hashes.
        Self(number.max(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_depends_on_every_block_and_on_their_order() {
        let of = |blocks: &[&str]| {
            blocks.iter().fold(ChainHash::NONE, |hash, block| {
                hash.extended(block.as_bytes())
            })
        };
        let hashes = [
            of(&[]),
            of(&["a"]),
            of(&["a", "b"]),
            of(&["b", "a"]),
            of(&["ab"]),
            of(&["a", "c"]),
        ];
        for (i, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..i].contains(hash), "{i}");
        }
        assert_eq!(of(&["a", "b"]), of(&["a"]).extended(b"b"));
    }
}
