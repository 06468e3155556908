//! Which entries the roster was made of, so that a resume token of a journal that went another
//! way is noticed.

use std::collections::VecDeque;

use parking_lot::RwLock;

use crate::journal::{ChainHash, ChainPoint, Revision};

/// The most blocks that are remembered. A token of an older block gets a snapshot. A journal that
/// writes 400 blocks a second, which is a busy one, fills this in ten minutes, for as long as
/// changes are remembered. 4 MiB.
const POINTS_MAX: usize = 256 * 1024;

/// The hashes of the latest blocks of the journal.
#[derive(Debug, Default)]
pub(crate) struct Chain(RwLock<ChainPoints>);

/// The hashes, to be stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChainPoints {
    /// The revision before the first entry of the first point.
    pub(crate) after: Revision,
    /// The last revision of each block, with the hash of everything up to there.
    pub(crate) blocks: VecDeque<(Revision, ChainHash)>,
}

/// What is known of the journal up to a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainLink {
    /// The hash of everything up to the end of the block that holds it.
    Known(ChainHash),
    /// The block is too old to be remembered.
    Forgotten,
    /// There is no such entry yet.
    Ahead,
    /// The journal has no hashes.
    Unchained,
}

impl ChainPoints {
    /// The last block.
    pub(crate) fn last(&self) -> Option<ChainPoint> {
        let (last, hash) = self.blocks.back().copied()?;
        let before = self.blocks.iter().rev().nth(1);
        let first = before.map_or(self.after, |(last, _)| *last) + 1;
        Some(ChainPoint { first, last, hash })
    }
}

impl Chain {
    /// Adds a block, unless it is the last one already.
    pub(crate) fn push(&self, block: ChainPoint) {
        let mut points = self.0.write();
        match points.blocks.back() {
            None => points.after = block.first - 1,
            Some((last, _)) if *last >= block.last => return,
            Some(_) => {}
        }
        if points.blocks.len() >= POINTS_MAX
            && let Some((oldest, _)) = points.blocks.pop_front()
        {
            points.after = oldest;
        }
        points.blocks.push_back((block.last, block.hash));
    }

    /// What is known of the journal up to `revision`.
    pub(crate) fn at(&self, revision: Revision) -> ChainLink {
        let points = self.0.read();
        let Some((last, _)) = points.blocks.back() else {
            return ChainLink::Unchained;
        };
        if revision == 0 {
            return ChainLink::Known(ChainHash::NONE);
        } else if revision > *last {
            return ChainLink::Ahead;
        } else if revision <= points.after {
            return ChainLink::Forgotten;
        }
        let holding = points.blocks.partition_point(|(last, _)| *last < revision);
        (points.blocks.get(holding))
            .map_or(ChainLink::Forgotten, |(_, hash)| ChainLink::Known(*hash))
    }

    /// The last block.
    pub(crate) fn last(&self) -> Option<ChainPoint> {
        self.0.read().last()
    }

    /// All that is remembered.
    pub(crate) fn points(&self) -> ChainPoints {
        self.0.read().clone()
    }

    /// Remembers what was stored.
    pub(crate) fn install(&self, points: ChainPoints) {
        *self.0.write() = points;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> ChainHash {
        ChainHash::from_number(number)
    }

    fn block(first: Revision, last: Revision) -> ChainPoint {
        let hash = hash(last * 10);
        ChainPoint { first, last, hash }
    }

    #[test]
    fn every_revision_of_a_block_has_the_hash_of_its_end() {
        let chain = Chain::default();
        assert_eq!(chain.at(0), ChainLink::Unchained);
        assert_eq!(chain.last(), None);
        for block in [block(5, 7), block(8, 8), block(9, 12)] {
            chain.push(block);
            // A block is told again when the journal is read from its middle.
            chain.push(block);
            assert_eq!(chain.last(), Some(block));
        }
        let known = |number| ChainLink::Known(hash(number));
        let rows = [
            (0, ChainLink::Known(ChainHash::NONE)),
            (4, ChainLink::Forgotten),
            (5, known(70)),
            (7, known(70)),
            (8, known(80)),
            (9, known(120)),
            (12, known(120)),
            (13, ChainLink::Ahead),
        ];
        for (revision, link) in rows {
            assert_eq!(chain.at(revision), link, "{revision}");
        }
        let restored = Chain::default();
        restored.install(chain.points());
        assert_eq!(restored.at(8), known(80));
        assert_eq!(restored.last(), chain.last());
    }

    #[test]
    fn the_oldest_blocks_are_forgotten_first() {
        let chain = Chain::default();
        for revision in 1..=POINTS_MAX as Revision + 2 {
            chain.push(block(revision, revision));
        }
        assert_eq!(chain.points().blocks.len(), POINTS_MAX);
        assert_eq!(chain.at(2), ChainLink::Forgotten);
        assert_eq!(chain.at(3), ChainLink::Known(hash(30)));
    }
}
