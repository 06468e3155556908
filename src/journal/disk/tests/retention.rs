//! Dropping old segments, in any order with everything else that happens to a journal.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::journal::disk::log::ReadBlock;

/// What happens to a journal.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Entries are made durable together.
    Append(usize),
    /// They cannot be, and are sent again.
    Fail(usize),
    /// The disk is tried, as after a failure.
    Probe,
    /// A checkpoint is written. Later entries are in another segment.
    Checkpoint,
    /// Segments are dropped that the checkpoint before the last covers.
    Drop,
    /// The same, but a file cannot be removed.
    DropInPart,
    /// It is opened again, from the last checkpoint or the one before.
    Restart(bool),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (1..4_usize).prop_map(Act::Append),
        1 => (1..4_usize).prop_map(Act::Fail),
        1 => Just(Act::Probe),
        3 => Just(Act::Checkpoint),
        2 => Just(Act::Drop),
        1 => Just(Act::DropInPart),
        2 => any::<bool>().prop_map(Act::Restart),
    ];
    vec(act, 1..40)
}

/// A journal, and all blocks that it acknowledged.
struct Journalled {
    disk: Simulated,
    log: Log,
    blocks: Vec<ChainPoint>,
    /// How many blocks there were at each checkpoint.
    checkpoints: Vec<usize>,
}

impl Journalled {
    fn new() -> Self {
        let disk = Simulated::default();
        let mut log = open(&disk).unwrap();
        log.replay(0, None, &decoder(), &mut |_| ControlFlow::Continue(()))
            .unwrap();
        Self {
            disk,
            log,
            blocks: Vec::new(),
            checkpoints: Vec::new(),
        }
    }

    fn append(&mut self, count: usize) -> Result<(), StoreError> {
        let entries = vec![entry("e"); count];
        self.blocks
            .push(self.log.append(entries.iter(), Time::MIN)?);
        Ok(())
    }

    /// The block that the checkpoint `before` the last one is at, and how many there were.
    fn checkpoint(&self, before: usize) -> (usize, Option<ChainPoint>) {
        let count = self.checkpoints.iter().rev().nth(before).copied();
        let count = count.unwrap_or(0);
        let block = count.checked_sub(1).map(|last| self.blocks[last]);
        (count, block)
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Append(count) => self.append(count).unwrap(),
            Act::Fail(count) => {
                self.disk.fail(Some(Fault::Full));
                self.append(count).unwrap_err();
                self.disk.fail(None);
            }
            Act::Probe => self.log.try_to_write(Time::MIN).unwrap(),
            Act::Checkpoint => {
                self.checkpoints.push(self.blocks.len());
                self.log.seal();
            }
            Act::Drop | Act::DropInPart => {
                if let (_, Some(covered)) = self.checkpoint(1) {
                    let fault = matches!(act, Act::DropInPart).then_some(Fault::Removal(1));
                    self.disk.fail(fault);
                    // What was not dropped is dropped the next time.
                    let _ = self.log.drop_before(covered.last + 1, Time::MIN);
                    self.disk.fail(None);
                    self.assert_sealed();
                }
            }
            Act::Restart(is_last_damaged) => self.restart(usize::from(is_last_damaged)),
        }
    }

    /// What belongs to a copy is there.
    fn assert_sealed(&mut self) {
        let sealed = self.log.seal();
        let there = self.disk.lengths();
        let missing = sealed.segments.iter();
        let missing: Vec<_> = missing
            .filter(|name| !there.iter().any(|(there, _)| there == *name))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert_eq!(
            sealed.last,
            self.blocks.last().map_or(0, |block| block.last)
        );
    }

    /// Every block after the checkpoint is read, and goes on from it.
    fn restart(&mut self, before: usize) {
        let (count, known) = self.checkpoint(before);
        let after = known.map_or(0, |block| block.last);
        self.log = open(&self.disk).unwrap();
        let mut read = Vec::new();
        let visit = &mut |block: ReadBlock| {
            read.push(block.point);
            ControlFlow::Continue(())
        };
        self.log.replay(after, known, &decoder(), visit).unwrap();
        // The block at the checkpoint itself is read to find the place.
        let read: Vec<_> = read
            .into_iter()
            .filter(|block| block.last > after)
            .collect();
        assert_eq!(read, self.blocks[count..]);
    }
}

proptest! {
    // Each makes and reads many segments.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_is_dropped_the_chain_goes_on_from_each_checkpoint(acts in acts()) {
        let mut journal = Journalled::new();
        for act in acts {
            journal.act(act);
        }
        journal.restart(1);
        journal.append(1).unwrap();
        journal.restart(0);
    }
}

#[test]
fn a_start_writes_to_segments_that_are_sealed() {
    // So a backup copies them: the files of a folder and of its copy must not be the same.
    let disk = Simulated::default();
    work(&disk);
    let before = disk.trace().len();
    read(&disk).unwrap();
    assert!(disk.trace()[before..].contains(&"write"));
}
