//! Damage costs what it hits: of a damaged segment, every block is read whose bytes are whole,
//! and what is missing is named.

use std::{collections::BTreeMap, ops::ControlFlow};

use bytes::Bytes;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_pcg::Pcg32;

use super::{
    log::{Log, OnLoss, ReadBlock},
    tests::{decoder, entry, open},
};
use crate::{
    domain::Time,
    journal::{
        ChainPoint, Losses, Payload, Revision, StoreError,
        codec::{self, Found},
        folder::{Files as _, simulated::Simulated},
    },
};

/// Blocks of each segment.
const BLOCKS: u64 = 40;
const SEGMENTS: u64 = 3;
/// What a bad sector of a disk takes with it.
const SECTOR: usize = 512;

/// A log of some segments, with entries of many lengths.
fn written() -> Simulated {
    let disk = Simulated::default();
    let mut dice = Pcg32::seed_from_u64(7);
    let mut log = open(&disk).unwrap();
    log.replay_all(0, None, &decoder(), &mut |_| {}).unwrap();
    for block in 0..SEGMENTS * BLOCKS {
        let entries: Vec<_> = (0..dice.random_range(1..6))
            .map(|_| {
                let length = [20, 300, 5_000][dice.random_range(0..3)];
                let letters = |_| char::from(b'a' + (dice.next_u32() % 26) as u8);
                entry(&(0..length).map(letters).collect::<String>())
            })
            .collect();
        log.append(entries.iter(), Time::MIN).unwrap();
        if (block + 1) % BLOCKS == 0 {
            log.seal();
        }
    }
    disk
}

/// Bodies by revision.
type Bodies = BTreeMap<Revision, Bytes>;

fn read(log: &Log, on_loss: OnLoss<'_>) -> (Bodies, Result<Revision, StoreError>) {
    let mut bodies = Bodies::new();
    let end = log.read(0, None, &decoder(), on_loss, &mut |block: ReadBlock| {
        for (entry, revision) in block.entries.into_iter().zip(block.first..) {
            let Payload::Callback(callback) = entry.payload else {
                panic!("a tick that was not appended");
            };
            assert_eq!(bodies.insert(revision, callback.body), None);
        }
        ControlFlow::Continue(())
    });
    (bodies, end)
}

/// The places of each block in a file: the store keeps former copies of some.
fn places(file: &[u8]) -> Vec<(Found, Vec<usize>)> {
    let found = codec::find_blocks(file).into_iter();
    let places = found.map(|block| {
        let frame = &file[block.frame.clone()];
        let places = file.windows(frame.len()).enumerate();
        let places = places.filter(|(_, window)| *window == frame);
        let places = places.map(|(at, _)| at).collect();
        (block, places)
    });
    places.collect()
}

#[test]
fn every_block_that_damage_did_not_hit_is_read_and_the_others_are_named() {
    let disk = written();
    let log = open(&disk).unwrap();
    let (all, end) = read(&log, OnLoss::Fail);
    let end = end.unwrap();
    let names: Vec<_> = log.segments().iter().map(ToString::to_string).collect();
    let places: Vec<_> = names
        .iter()
        .map(|name| places(&disk.contents(name)))
        .collect();
    assert!(places.iter().all(|of_one| of_one.len() == BLOCKS as usize));

    let mut outcomes = BTreeMap::<&str, usize>::new();
    for seed in 0..60 {
        let mut dice = Pcg32::seed_from_u64(seed);
        let damaged = disk.after_kill();
        let segment = dice.random_range(0..names.len());
        let length = disk.contents(&names[segment]).len();
        let sectors: Vec<usize> = (0..dice.random_range(1..4))
            .map(|_| dice.random_range(0..length - SECTOR))
            .collect();
        for at in &sectors {
            damaged.damage(&names[segment], *at..at + SECTOR);
        }
        let is_hit = |at: usize, length: usize| {
            let is_hit = |sector: &usize| at < sector + SECTOR && *sector < at + length;
            sectors.iter().any(is_hit)
        };

        let log = open(&damaged).unwrap();
        let mut losses = Losses::default();
        let (kept, _) = read(&log, OnLoss::Note(&mut losses));
        for (block, places) in &places[segment] {
            let length = block.frame.len();
            let is_whole = places.iter().any(|at| !is_hit(*at, length));
            let mut revisions = block.first..=block.last;
            assert!(
                !is_whole || revisions.all(|revision| kept.contains_key(&revision)),
                "{seed}: {block:?}"
            );
        }
        for (revision, body) in &kept {
            assert_eq!(all.get(revision), Some(body), "{seed}: {revision}");
        }
        let named = |revision: &Revision| {
            let mut lost = losses.lost.iter();
            lost.any(|loss| {
                loss.first <= *revision && loss.last.is_none_or(|last| last >= *revision)
            })
        };
        for revision in 1..end {
            let is_kept = kept.contains_key(&revision);
            assert!(
                is_kept || named(&revision),
                "{seed}: {revision}: {losses:?}"
            );
        }
        let (_, strict) = read(&log, OnLoss::Fail);
        let outcome = match (&strict, &losses.lost[..]) {
            (Ok(_), []) => "harmless",
            (Err(_), []) => "nothing lost",
            (Err(_), _) => "something lost",
            (Ok(_), _) => panic!("{seed}: nobody noticed {losses:?}"),
        };
        assert_eq!(strict.is_err(), losses.damaged == [names[segment].clone()]);
        *outcomes.entry(outcome).or_default() += 1;
    }
    assert!(outcomes["something lost"] > 10, "{outcomes:?}");
}

/// Blocks of two entries, in segments of three.
fn pairs() -> (Simulated, Vec<ChainPoint>) {
    let disk = Simulated::default();
    let mut log = open(&disk).unwrap();
    log.replay_all(0, None, &decoder(), &mut |_| {}).unwrap();
    let mut points = Vec::new();
    for block in 0..6 {
        let entries = ["a", "b"].map(|letter| entry(&letter.repeat(50 + block)));
        points.push(log.append(entries.iter(), Time::MIN).unwrap());
        if block == 2 {
            log.seal();
        }
    }
    (disk, points)
}

/// Reads what a start reads that has a checkpoint at `after`, in the block `known`. Returns the
/// revisions.
fn read_after(
    disk: &Simulated,
    after: Revision,
    known: ChainPoint,
    on_loss: OnLoss<'_>,
) -> Result<Vec<Revision>, StoreError> {
    let mut read = Vec::new();
    let visit = &mut |block: ReadBlock| {
        read.extend((block.first..).take(block.entries.len()));
        ControlFlow::Continue(())
    };
    open(disk)?.read(after, Some(known), &decoder(), on_loss, visit)?;
    Ok(read)
}

#[test]
fn whatever_is_lost_before_behind_and_at_a_checkpoint_is_a_loss_and_no_other_history() {
    let (disk, points) = pairs();
    let names: Vec<_> = open(&disk)
        .unwrap()
        .segments()
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut harmed = Vec::new();
    for name in &names {
        let without = disk.after_kill();
        without.remove(name).unwrap();
        let all = places(&disk.contents(name)).into_iter();
        let all = all
            .flat_map(|(block, _)| block.first..=block.last)
            .collect();
        harmed.push((without, all));
        for (block, places) in places(&disk.contents(name)) {
            let damaged = disk.after_kill();
            for at in places {
                damaged.damage(name, at..at + block.frame.len());
            }
            harmed.push((damaged, (block.first..=block.last).collect::<Vec<_>>()));
        }
    }
    for (harmed, lost) in &harmed {
        for known in &points {
            for after in known.first..=known.last {
                let what = format!("{lost:?} lost, checkpoint at {after}");
                let plain = read_after(harmed, after, *known, OnLoss::Fail);
                let is_told = |error: &StoreError| error.is_loss();
                assert!(
                    plain.as_ref().err().is_none_or(is_told),
                    "{what}: {plain:?}"
                );
                let mut losses = Losses::default();
                let salvaged = read_after(harmed, after, *known, OnLoss::Note(&mut losses));
                let wanted = after + 1..=12;
                let left: Vec<_> = wanted.filter(|revision| !lost.contains(revision)).collect();
                assert_eq!(salvaged, Ok(left.clone()), "{what}");
                assert!(plain.is_err() || plain == Ok(left), "{what}");
            }
        }
    }
}
