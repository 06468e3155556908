//! Failures of the disk: each operation fails once, the power is cut at each operation, the
//! last write is torn at each byte, and bits flip. Each acknowledged entry is read again, or
//! there is an error.

#[cfg(unix)]
mod displaced;
mod retention;
mod room;

use std::{collections::BTreeMap, io::ErrorKind, ops::ControlFlow, sync::Arc};

use bytes::Bytes;
use rand::{RngExt as _, SeedableRng as _};

use crate::{
    domain::{Decoded, ProductName, Time},
    journal::{
        Callback, ChainPoint, Decoder, Entry, Epoch, Payload, Revision, StoreError,
        disk::log::{Log, ReadBlock},
        folder::{
            Files, open_format,
            simulated::{Fault, Simulated, Write},
        },
        io_kind,
    },
};

impl Log {
    /// Replays the log to a reader who wants all of it.
    pub(super) fn replay_all(
        &mut self,
        after: Revision,
        known: Option<ChainPoint>,
        decoder: &Decoder,
        visit: &mut dyn FnMut(ReadBlock),
    ) -> Result<(), StoreError> {
        self.replay(after, known, decoder, &mut |block| {
            visit(block);
            ControlFlow::Continue(())
        })
    }
}

/// Bodies by revision.
type Kept = BTreeMap<Revision, Bytes>;

pub(super) fn entry(body: &str) -> Entry {
    Entry {
        received_at: Time::from_millis(1_700_000_000_000).unwrap(),
        payload: Payload::Callback(Callback {
            app: "arena".into(),
            product: ProductName::new("zego_room"),
            query: "".into(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            decoded: Arc::new(Decoded::undecodable("not kept")),
        }),
    }
}

/// What callbacks mean does not matter here.
pub(super) fn decoder() -> Decoder {
    Decoder::new(|_, _, _| {
        let decoded = Decoded::undecodable("not decoded");
        Some((ProductName::new("zego_room"), decoded))
    })
}

pub(super) fn open(disk: &Simulated) -> Result<Log, StoreError> {
    let files: Arc<dyn Files> = Arc::new(disk.clone());
    let identity = open_format(&*files, Epoch(7))?;
    assert_eq!(identity.epoch, Epoch(7));
    Log::open(files, &identity)
}

/// All entries that are there.
fn read(disk: &Simulated) -> Result<Kept, StoreError> {
    let mut kept = Kept::new();
    let mut log = open(disk)?;
    log.replay_all(0, None, &decoder(), &mut |block| {
        for (entry, revision) in block.entries.into_iter().zip(block.first..) {
            let Payload::Callback(callback) = entry.payload else {
                panic!("a tick that was not appended");
            };
            assert_eq!(kept.insert(revision, callback.body), None);
        }
    })?;
    let revisions: Vec<_> = kept.keys().copied().collect();
    assert_eq!(revisions, (1..=log.last()).collect::<Vec<_>>(), "a gap");
    Ok(kept)
}

/// Opens the log and appends batches of many sizes. Goes on after failures. Returns the
/// acknowledged entries.
fn work(disk: &Simulated) -> Kept {
    let mut acknowledged = Kept::new();
    let mut log = loop {
        let opened = open(disk).and_then(|mut log| {
            log.replay_all(0, None, &decoder(), &mut |_| {})?;
            Ok(log)
        });
        match opened {
            Ok(log) => break log,
            Err(_) if disk.operations() < 10_000 => {
                // A process manager restarts the service until the disk works.
                disk.note("restart");
                if disk.is_dead() {
                    return acknowledged;
                }
            }
            Err(error) => panic!("{error}"),
        }
    };
    for (batch, size) in [1, 3, 1, 40, 2, 1].into_iter().enumerate() {
        if batch == 3 {
            log.seal();
        }
        let bodies: Vec<_> = (0..size).map(|i| format!("{batch}.{i}")).collect();
        let entries: Vec<_> = bodies.iter().map(|body| entry(body)).collect();
        let now = entries[0].received_at;
        if let Ok(ChainPoint { first, .. }) = log.append(entries.iter(), now) {
            disk.note("acknowledged");
            let bodies = bodies.into_iter().map(Bytes::from);
            acknowledged.extend((first..).zip(bodies));
        }
    }
    acknowledged
}

/// Checks that acknowledged entries are there, and that entries after them were at least
/// sent.
fn assert_kept(disk: &Simulated, acknowledged: &Kept, what: &str) {
    let kept = read(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    for (revision, body) in acknowledged {
        assert_eq!(
            kept.get(revision),
            Some(body),
            "{what}: revision {revision}"
        );
    }
    let last = acknowledged.keys().next_back().copied().unwrap_or(0);
    let sent = |body: &Bytes| body.contains(&b'.');
    assert!(kept.range(last + 1..).all(|(_, body)| sent(body)), "{what}");
}

/// Checks power cuts after which nothing, all, or some of what was not synced survives.
fn assert_survives_power_cuts(disk: &Simulated, acknowledged: &Kept, what: &str) {
    let none = disk.after_power_cut(false, |_| None);
    assert_kept(&none, acknowledged, &format!("{what}, nothing survives"));
    let all = disk.after_power_cut(true, |write| Some(write.clone()));
    assert_kept(&all, acknowledged, &format!("{what}, all survives"));
    for seed in 0..2 {
        let mut dice = rand_pcg::Pcg32::seed_from_u64(seed);
        let some = disk.after_power_cut(dice.random(), |write| match dice.random_range(0..3) {
            0 => None,
            1 => Some(write.clone()),
            _ => Some(torn(write, |length| dice.random_range(0..=length))),
        });
        assert_kept(
            &some,
            acknowledged,
            &format!("{what}, some survives ({seed})"),
        );
    }
}

fn torn(write: &Write, at: impl FnOnce(usize) -> usize) -> Write {
    match write {
        Write::At(offset, data) => Write::At(*offset, data[..at(data.len())].to_vec()),
        Write::Length(length) => Write::Length(*length),
    }
}

/// The number of operations without a failure.
fn operations() -> u64 {
    let disk = Simulated::default();
    assert_eq!(work(&disk).len(), 48);
    disk.operations()
}

#[test]
fn a_failure_of_any_operation_loses_nothing_acknowledged() {
    for at in 0..operations() {
        for fault in [Fault::At(at), Fault::Short(at)] {
            let disk = Simulated::default();
            disk.fail(Some(fault));
            let acknowledged = work(&disk);
            let what = format!("{fault:?}");
            assert!(acknowledged.len() >= 8, "{what}: {}", acknowledged.len());
            assert_kept(
                &disk.after_kill(),
                &acknowledged,
                &format!("{what}, killed"),
            );
            assert_survives_power_cuts(&disk, &acknowledged, &what);
        }
    }
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_acknowledged() {
    for at in 0..operations() {
        let disk = Simulated::default();
        disk.fail(Some(Fault::From(at)));
        let acknowledged = work(&disk);
        assert_survives_power_cuts(&disk, &acknowledged, &format!("cut at {at}"));
    }
}

/// Appends one more batch while the disk has a fault. Returns the disk, the entries that were
/// acknowledged before, and the operations of the last append.
fn cut_off(fault: Option<Fault>) -> (Simulated, Kept, Vec<&'static str>) {
    let disk = Simulated::default();
    let mut acknowledged = work(&disk);
    let mut log = open(&disk).unwrap();
    log.replay_all(0, None, &decoder(), &mut |_| {}).unwrap();
    log.append([entry("6.0")].iter(), Time::MIN).unwrap();
    acknowledged.insert(49, Bytes::from("6.0"));
    let before = disk.trace().len();
    disk.fail(fault);
    let last = log.append([entry("6.1"), entry("6.2")].iter(), Time::MIN);
    assert_eq!(last.is_ok(), fault.is_none());
    let did = disk.trace().split_off(before);
    (disk, acknowledged, did)
}

#[test]
fn the_last_write_may_tear_at_any_byte() {
    let (_, _, did) = cut_off(None);
    let syncs: Vec<_> = (0..did.len()).filter(|at| did[*at] == "sync").collect();
    assert!(!syncs.is_empty(), "{did:?}");
    for at in syncs {
        let (disk, acknowledged, _) = cut_off(Some(Fault::From(at as u64)));
        let mut bytes = 0;
        disk.after_power_cut(true, |write| {
            bytes += length(write);
            None
        });
        assert!(bytes > 0);
        // Every byte of the record and the header, and some of those between.
        let every = |at: &usize| at.is_multiple_of(61) || *at < 512 || bytes - at < 512;
        for tear in (0..=bytes).filter(every) {
            let mut left = tear;
            let torn = disk.after_power_cut(true, |write| {
                let survives = left.min(length(write));
                left -= survives;
                Some(torn(write, |_| survives))
            });
            let what = format!("cut before sync {at}, torn at {tear} of {bytes}");
            assert_kept(&torn, &acknowledged, &what);
        }
    }
}

fn length(write: &Write) -> usize {
    match write {
        Write::At(_, data) => data.len(),
        Write::Length(_) => 0,
    }
}

#[test]
fn a_flipped_bit_is_noticed_or_does_no_harm() {
    let disk = Simulated::default();
    let acknowledged = work(&disk);
    let mut outcomes = BTreeMap::<&str, usize>::new();
    let segments = disk.lengths();
    for (name, length) in segments
        .iter()
        .filter(|(name, _)| name.ends_with(".segment"))
    {
        for at in (0..*length).step_by(41) {
            let damaged = disk.after_kill();
            damaged.flip(name, at, (at % 8) as u8);
            let outcome = match read(&damaged) {
                Err(error) => {
                    let message = error.to_string();
                    let names = message.contains(".segment") || message.contains("revision");
                    assert!(names, "{message}");
                    "noticed"
                }
                Ok(kept) => {
                    assert_eq!(kept, acknowledged, "{name}: {at}");
                    "harmless"
                }
            };
            *outcomes.entry(outcome).or_default() += 1;
        }
    }
    assert!(outcomes["noticed"] > 10, "{outcomes:?}");
}

#[test]
fn a_full_disk_is_refused_and_used_again_once_there_is_room() {
    let disk = Simulated::default();
    let mut acknowledged = work(&disk);
    let mut log = open(&disk).unwrap();
    log.replay_all(0, None, &decoder(), &mut |_| {}).unwrap();
    disk.fail(Some(Fault::Full));
    for _ in 0..3 {
        let error = log.append([entry("7.0")].iter(), Time::MIN).unwrap_err();
        assert!(error.to_string().contains("no space left"), "{error}");
        assert_eq!(io_kind(&error), Some(ErrorKind::StorageFull));
        let error = log.try_to_write(Time::MIN).unwrap_err();
        assert_eq!(io_kind(&error), Some(ErrorKind::StorageFull));
    }
    disk.fail(None);
    log.try_to_write(Time::MIN).unwrap();
    let appended = log.append([entry("7.1")].iter(), Time::MIN).unwrap();
    assert_eq!((appended.first, appended.last), (49, 49));
    acknowledged.insert(49, Bytes::from("7.1"));
    drop(log);
    assert_eq!(read(&disk).unwrap(), acknowledged);
}

#[test]
fn nothing_is_acknowledged_before_it_is_synced() {
    let disk = Simulated::default();
    work(&disk);
    let trace = disk.trace();
    let acknowledgements = trace
        .iter()
        .enumerate()
        .filter(|(_, what)| **what == "acknowledged");
    let mut count = 0;
    for (at, _) in acknowledgements {
        count += 1;
        let last = trace[..at]
            .iter()
            .rev()
            .find(|what| what.starts_with("sync") || **what == "write");
        assert_eq!(last, Some(&"sync"), "the {count}th");
    }
    assert_eq!(count, 6);
}

#[test]
fn entries_are_dropped_by_whole_segments_and_only_if_old() {
    let disk = Simulated::default();
    let mut log = open(&disk).unwrap();
    log.replay_all(0, None, &decoder(), &mut |_| {}).unwrap();
    let at = |n: u64| Time::from_millis(n).unwrap();
    for n in 1..=4 {
        log.append([entry("a"), entry("b")].iter(), at(n * 1000))
            .unwrap();
        log.seal();
    }
    let dropped = |log: &mut Log, from, until| {
        let dropped = log.drop_before(from, at(until)).unwrap();
        assert_eq!(dropped.early, 0);
        dropped.segments
    };
    assert_eq!(dropped(&mut log, 2, 9000), 0, "its second entry is needed");
    assert_eq!(dropped(&mut log, 9, 1999), 0, "too young");
    assert_eq!(dropped(&mut log, 3, 2000), 1);
    assert_eq!((log.first(), log.last()), (3, 8));
    assert_eq!(dropped(&mut log, 100, 9000), 2, "the last segment stays");
    let mut again = open(&disk).unwrap();
    let missing = again
        .replay_all(0, None, &decoder(), &mut |_| {})
        .unwrap_err();
    assert!(
        missing.to_string().contains("revisions 1 to 6, before"),
        "{missing}"
    );
    let mut revisions = Vec::new();
    again
        .replay_all(7, None, &decoder(), &mut |block| {
            revisions.extend((block.first..).take(block.entries.len()));
        })
        .unwrap();
    assert_eq!(revisions, [8]);
    let lost = again.replay_all(8, None, &decoder(), &mut |_| {});
    assert_eq!(lost, Ok(()));
    assert_eq!(
        again.replay_all(9, None, &decoder(), &mut |_| {}),
        Err(StoreError::Lost { after: 9 })
    );
}

#[test]
fn blocks_are_chained_and_a_mixed_folder_is_noticed() {
    let disk = Simulated::default();
    let mut log = open(&disk).unwrap();
    log.replay_all(0, None, &decoder(), &mut |_| {}).unwrap();
    let mut append = |body: &str| log.append([entry(body)].iter(), Time::MIN).unwrap();
    let (first, second) = (append("a"), append("b"));
    drop(log);

    // The same blocks are read, from the start and from a known one.
    let mut read = Vec::new();
    let mut log = open(&disk).unwrap();
    log.replay_all(0, None, &decoder(), &mut |block| read.push(block.point))
        .unwrap();
    assert_eq!(read, [first, second]);
    log.replay_all(1, Some(first), &decoder(), &mut |block| {
        assert_eq!(block.point, second);
    })
    .unwrap();
    let third = log.append([entry("c")].iter(), Time::MIN).unwrap();
    log.replay_all(2, Some(second), &decoder(), &mut |block| {
        assert_eq!(block.point, third);
    })
    .unwrap();

    // A reader that knows another history.
    let other = ChainPoint {
        hash: third.hash,
        ..first
    };
    let parted = log.replay_all(1, Some(other), &decoder(), &mut |_| {});
    assert!(
        matches!(parted, Err(StoreError::OtherHistory { revision: 2, .. })),
        "{parted:?}"
    );
    // One whose last block goes on where the folder ends.
    let later = ChainPoint { last: 9, ..third };
    let parted = log.replay_all(3, Some(later), &decoder(), &mut |_| {});
    assert!(
        matches!(parted, Err(StoreError::OtherHistory { revision: 3, .. })),
        "{parted:?}"
    );
}

#[test]
fn blocks_of_versions_without_hashes_are_read_from_wherever_a_reader_begins() {
    let disk = Simulated::default();
    let mut log = open(&disk).unwrap();
    log.replay_all(0, None, &decoder(), &mut |_| {}).unwrap();
    for body in ["a", "b", "c"] {
        log.append_unhashed([entry(body)].iter()).unwrap();
    }
    drop(log);

    // A new version begins in the middle, where a checkpoint without hashes is, or at the end.
    let mut known: Vec<Option<ChainPoint>> = vec![None];
    for begin in [1, 3] {
        let mut log = open(&disk).unwrap();
        log.replay_all(begin, None, &decoder(), &mut |_| {})
            .unwrap();
        known.push(Some(log.append([entry("d")].iter(), Time::MIN).unwrap()));
        known.push(Some(log.append([entry("e")].iter(), Time::MIN).unwrap()));
    }
    // Every other beginning finds the same chain, and a reader that knows it agrees.
    let mut points = Vec::new();
    let mut log = open(&disk).unwrap();
    log.replay_all(0, None, &decoder(), &mut |block| points.push(block.point))
        .unwrap();
    assert_eq!(points.len(), 7);
    assert_eq!(points[1].hash, points[2].hash);
    for (begin, point) in points.iter().enumerate() {
        let mut seen = Vec::new();
        let after = begin as Revision + 1;
        log.replay_all(after, Some(*point), &decoder(), &mut |block| {
            seen.push(block.point)
        })
        .unwrap();
        assert_eq!(seen, points[begin + 1..]);
        let mut seen = Vec::new();
        log.replay_all(after, None, &decoder(), &mut |block| seen.push(block.point))
            .unwrap();
        assert_eq!(seen, points[begin + 1..]);
    }
    for point in known.into_iter().flatten() {
        assert!(points.contains(&point), "{point:?}");
    }
}
