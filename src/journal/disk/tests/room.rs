//! Room for entries, in a folder whose space is limited and on a disk that is full.

use rand::Rng as _;
use redb::StorageBackend as _;

use super::*;
use crate::journal::{
    Dropped, Room,
    folder::{Mode, limit},
};

const BYTES_MAX: u64 = 16 << 20;
const BODY: usize = 100_000;
/// Far more entries than the folder has room for.
const MANY: usize = 1000;

/// A body that cannot be compressed.
fn body() -> String {
    let mut bytes = vec![0; BODY / 2];
    rand::rng().fill_bytes(&mut bytes);
    const_hex::encode(bytes)
}

/// When entries are received. In these tests, none is old.
fn now() -> Time {
    Time::from_millis(1_700_000_000_000).unwrap()
}

fn limited(disk: &Simulated) -> Log {
    let files: Arc<dyn Files> = Arc::new(disk.clone());
    let identity = open_format(&*files, Epoch(7)).unwrap();
    let (files, space) = limit(&files, BYTES_MAX).unwrap();
    let mut log = Log::open(files, &identity).unwrap().within(space);
    log.replay_all(0, None, &decoder(), &mut |_| {}).unwrap();
    log
}

fn taken(disk: &Simulated) -> u64 {
    let lengths = disk.lengths().into_iter();
    lengths.map(|(_, length)| length as u64).sum()
}

/// Appends until there is no room. Returns why.
fn fill(disk: &Simulated, log: &mut Log) -> StoreError {
    let mut left = Room::Enough;
    for _ in 0..MANY {
        let appended = log.append([entry(&body())].iter(), now());
        assert!(taken(disk) <= BYTES_MAX);
        if let Err(error) = appended {
            assert_eq!(left, Room::Little, "it is told before");
            assert_eq!(log.room().left(), Room::None);
            return error;
        }
        left = log.room().left();
    }
    panic!("there is room for {MANY}");
}

#[test]
fn entries_are_refused_until_a_checkpoint_lets_covered_ones_be_dropped_early() {
    let disk = Simulated::default();
    let mut log = limited(&disk);
    let error = fill(&disk, &mut log);
    assert_eq!(io_kind(&error), Some(ErrorKind::StorageFull));
    assert!(
        error.to_string().contains("journal.bytes_max (16.0 MiB)"),
        "{error}"
    );
    let tried = log.try_to_write(now()).unwrap_err();
    assert_eq!(tried, error, "the journal does not seem to have recovered");
    let last = log.last();
    let mut segments = log.segments().len();
    assert!(segments > 8, "{segments}: little is dropped with one");

    assert_eq!(log.drop_before(1, Time::MIN), Ok(Dropped::default()));
    let dropped = log.drop_before(last + 1, Time::MIN).unwrap();
    assert!(dropped.early > 0 && dropped.early == dropped.segments);
    segments -= dropped.segments;
    assert!(segments > 1, "only what is needed is dropped");
    assert_eq!(log.room().left(), Room::Enough);
    let appended = log.append([entry("short")].iter(), now()).unwrap();
    assert_eq!(appended.first, last + 1);
    // With enough room, nothing is dropped before it is old.
    assert_eq!(log.drop_before(last + 1, Time::MIN), Ok(Dropped::default()));
    let dropped = log.drop_before(last + 1, now()).unwrap();
    assert!(dropped.segments > 0 && dropped.early == 0);
}

#[test]
fn what_is_left_of_a_limited_folder_is_read_and_gone_on_with() {
    let disk = Simulated::default();
    let mut log = limited(&disk);
    for _ in 0..3 {
        fill(&disk, &mut log);
        log.seal();
        log.drop_before(log.last() + 1, Time::MIN).unwrap();
    }
    let (first, last) = (log.first(), log.last());
    assert!(first > 1);
    drop(log);
    let mut log = open(&disk).unwrap();
    let mut read = Vec::new();
    log.replay_all(first - 1, None, &decoder(), &mut |block| {
        read.extend((block.first..).take(block.entries.len()));
    })
    .unwrap();
    assert_eq!(read, (first..=last).collect::<Vec<_>>());
}

#[test]
fn a_checkpoint_has_room_where_entries_have_none() {
    const CHECKPOINT: u64 = 3 << 20;
    let disk = Simulated::default();
    drop(open(&disk).unwrap());
    let file = disk.open("1.checkpoint", Mode::Create).unwrap();
    file.set_len(CHECKPOINT).unwrap();
    let mut log = limited(&disk);
    fill(&disk, &mut log);
    let left = BYTES_MAX - taken(&disk);
    assert!(left >= 2 * CHECKPOINT, "one twice as long: {left}");
}

#[test]
fn a_checkpoint_that_is_being_written_takes_nothing_of_the_room_for_entries() {
    const CHECKPOINT: u64 = 2 << 20;
    let fitting = |growing: u64| {
        let disk = Simulated::default();
        drop(open(&disk).unwrap());
        let file = disk.open("1.checkpoint.new", Mode::Create).unwrap();
        file.set_len(growing).unwrap();
        let mut log = limited(&disk);
        let taken = (0..MANY).map(|_| log.append([entry(&body())].iter(), now()).is_ok());
        taken.take_while(|is_taken| *is_taken).count()
    };
    let (alone, beside) = (fitting(0), fitting(CHECKPOINT));
    assert!(alone.abs_diff(beside) <= 1, "{alone} and {beside}");
}

#[test]
fn a_full_disk_lets_covered_entries_be_dropped_one_segment_at_a_time() {
    let disk = Simulated::default();
    let mut log = limited(&disk);
    for _ in 0..4 {
        log.append([entry("a")].iter(), now()).unwrap();
        log.seal();
    }
    disk.fail(Some(Fault::Full));
    for dropped in 1..=2 {
        log.append([entry("b")].iter(), now()).unwrap_err();
        assert_eq!(log.room().left(), Room::None);
        // The folder cannot be synced either.
        disk.fail(None);
        let early = log.drop_before(4, Time::MIN).unwrap();
        assert_eq!(
            early,
            Dropped {
                segments: 1,
                early: 1
            }
        );
        assert_eq!(log.first(), dropped + 1);
        disk.fail(Some(Fault::Full));
    }
    disk.fail(None);
    log.append([entry("b")].iter(), now()).unwrap();
    assert_eq!(log.room().left(), Room::Enough);
    assert_eq!(log.drop_before(4, Time::MIN), Ok(Dropped::default()));
}

#[test]
fn tries_that_cannot_name_their_segment_leave_one_behind() {
    let is_segment = |(name, _): &(String, usize)| name.ends_with(".segment");
    let fresh = || {
        let disk = Simulated::default();
        let mut log = open(&disk).unwrap();
        log.replay_all(0, None, &decoder(), &mut |_| {}).unwrap();
        disk.fail(None);
        (disk, log)
    };
    let (disk, mut log) = fresh();
    log.try_to_write(now()).unwrap();
    for at in 0..disk.operations() {
        let (disk, mut log) = fresh();
        for _ in 0..4 {
            disk.fail(Some(Fault::At(at)));
            let _ = log.try_to_write(now());
        }
        disk.fail(None);
        log.append([entry("a")].iter(), now()).unwrap();
        let segments = disk.lengths().iter().filter(|it| is_segment(it)).count();
        assert!(segments <= 2, "{at}: {segments}");
        assert_eq!(read(&disk.after_kill()).unwrap().len(), 1, "{at}");
    }
}
