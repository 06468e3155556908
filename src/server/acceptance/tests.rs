//! A start goes on without what is lost only if it is told to. It says what is lost, and clients
//! notice; what is not lost is there.

use std::{fs, io, path::Path, sync::Arc};

use parking_lot::Mutex;
use rand::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg32;

use crate::{
    config::{JOURNAL_BYTES_MIN, JournalConfig},
    journal::{Decoder, Epoch},
    server::{
        recovery::lost_files::{LAST, append, append_body, checkpoint, folder, names, open_as},
        storage::Storage,
    },
};

/// The epoch of a folder after a start, and how far its roster is.
fn start(folder: &Path, accept_loss: bool) -> Result<(Epoch, u64), String> {
    let (storage, roster) = open_as(folder, accept_loss).map_err(|error| error.to_string())?;
    Ok((storage.journal.epoch(), roster.applied()))
}

fn remove(folder: &Path, from: &str) {
    let names = names(folder);
    let name = names.iter().rfind(|name| name.starts_with(from)).unwrap();
    fs::remove_file(folder.join(name)).unwrap();
}

fn damage(folder: &Path, from: &str, bytes: std::ops::Range<usize>) {
    let names = names(folder);
    let name = names.iter().find(|name| name.starts_with(from)).unwrap();
    let mut contents = fs::read(folder.join(name)).unwrap();
    let end = bytes.end.min(contents.len());
    contents[bytes.start..end].fill(0xa5);
    fs::write(folder.join(name), contents).unwrap();
}

const FIRST_SEGMENT: &str = "00000000000000000005-";
const LAST_SEGMENT: &str = "00000000000000000009-";
const OLDER: &str = "00000000000000000004.checkpoint";
const NEWER: &str = "00000000000000000008.checkpoint";
const ALL: std::ops::Range<usize> = 0..usize::MAX;

type Harm = fn(&Path);

#[test]
fn a_loss_is_accepted_once_and_the_journal_goes_on() {
    let cases: [(&str, Harm, u64); 6] = [
        (
            "the last segment is missing",
            |folder| remove(folder, LAST_SEGMENT),
            8,
        ),
        (
            "the last segment is damaged",
            |folder| damage(folder, LAST_SEGMENT, ALL),
            8,
        ),
        (
            "a segment before it is needed and damaged",
            |folder| {
                remove(folder, NEWER);
                damage(folder, FIRST_SEGMENT, ALL);
            },
            LAST,
        ),
        (
            "a segment before it is needed and missing",
            |folder| {
                remove(folder, NEWER);
                remove(folder, FIRST_SEGMENT);
            },
            LAST,
        ),
        (
            "the checkpoints are missing",
            |folder| {
                remove(folder, NEWER);
                remove(folder, OLDER);
            },
            LAST,
        ),
        (
            "all segments are missing",
            |folder| {
                remove(folder, FIRST_SEGMENT);
                remove(folder, LAST_SEGMENT);
            },
            8,
        ),
    ];
    for (what, harm, applied) in cases {
        let dir = folder();
        let folder = dir.path();
        let (before, _) = start(folder, false).unwrap();
        harm(folder);
        let damaged = names(folder);
        let refusal = start(folder, false).unwrap_err();
        assert!(refusal.contains("--accept-loss"), "{what}: {refusal}");
        assert_eq!(start(folder, false), Err(refusal), "{what}");

        let (epoch, at) = start(folder, true).unwrap();
        assert_eq!(at, applied, "{what}");
        assert_ne!(epoch, before, "{what}");
        assert_eq!(names(folder), damaged, "{what}: nothing is removed");
        // It is accepted for good, and nothing more is lost.
        assert_eq!(start(folder, false), Ok((epoch, at)), "{what}");
        assert_eq!(start(folder, true), Ok((epoch, at)), "{what}");

        let (storage, roster) = open_as(folder, false).unwrap();
        append(&storage);
        assert_eq!(roster.applied(), at + 1, "{what}");
        drop(storage);
        assert_eq!(start(folder, false), Ok((epoch, at + 1)), "{what}");
        remove(folder, &format!("{:020}-", at + 1));
        assert!(start(folder, false).is_err(), "{what}: lost after that");
    }
}

#[test]
fn damage_that_costs_no_entry_costs_no_epoch() {
    let dir = folder();
    let folder = dir.path();
    let whole = start(folder, true).unwrap();
    fs::remove_file(folder.join(NEWER)).unwrap();
    assert_eq!(
        start(folder, true),
        Ok(whole),
        "the older checkpoint serves"
    );
    // What the store keeps of itself, at the beginning of its file.
    damage(folder, FIRST_SEGMENT, 0..512);
    let refusal = start(folder, false).unwrap_err();
    assert!(refusal.contains(FIRST_SEGMENT), "{refusal}");
    assert_eq!(start(folder, true), Ok(whole));
    assert_eq!(start(folder, false), Ok(whole));
}

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Logged {
    fn of(work: impl FnOnce()) -> String {
        let logged = Self::default();
        let lines = logged.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || lines.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, work);
        let bytes = std::mem::take(&mut *logged.0.lock());
        String::from_utf8(bytes).unwrap()
    }
}

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A folder whose last segment ends with a checkpoint, as after a stop.
fn stopped() -> tempfile::TempDir {
    let dir = folder();
    let (storage, roster) = open_as(dir.path(), false).unwrap();
    checkpoint(&storage, &roster);
    drop(storage);
    dir
}

#[test]
fn a_damaged_last_entry_that_a_checkpoint_has_is_named_and_accepted() {
    // So long that each is in a place of its own, and random, so that they are not compressed.
    let bodies = [1_u64, 2].map(|seed| {
        let mut bytes = [0; 5_000];
        Pcg32::seed_from_u64(seed).fill_bytes(&mut bytes);
        const_hex::encode(bytes)
    });
    let dir = folder();
    let folder = dir.path();
    let (storage, roster) = open_as(folder, false).unwrap();
    bodies.iter().for_each(|body| append_body(&storage, body));
    checkpoint(&storage, &roster);
    drop(storage);
    let name = names(folder)
        .into_iter()
        .rfind(|name| name.ends_with(".segment"));
    let segment = folder.join(name.unwrap());
    let mut bytes = fs::read(&segment).unwrap();
    let is_last = |window: &[u8]| window == &bodies[1].as_bytes()[..100];
    let places: Vec<_> = bytes
        .windows(100)
        .enumerate()
        .filter(|(_, window)| is_last(window))
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty());
    places.iter().for_each(|at| bytes[*at] ^= 0xa5);
    fs::write(&segment, bytes).unwrap();

    let refusal = start(folder, false).unwrap_err();
    assert!(refusal.contains("--accept-loss"), "{refusal}");
    assert_eq!(start(folder, true).unwrap().1, LAST + 2);
    assert_eq!(start(folder, false).unwrap().1, LAST + 2);
}

#[test]
fn only_the_checkpoint_that_loads_has_the_effect_of_what_is_lost() {
    let dir = stopped();
    remove(dir.path(), LAST_SEGMENT);
    let accepted = Logged::of(|| assert_eq!(start(dir.path(), true).unwrap().1, LAST));
    assert!(
        accepted.contains("a checkpoint has their effect"),
        "{accepted}"
    );

    // The newer checkpoint had it.
    let dir = folder();
    remove(dir.path(), FIRST_SEGMENT);
    damage(dir.path(), NEWER, ALL);
    let accepted = Logged::of(|| assert_eq!(start(dir.path(), true).unwrap().1, LAST));
    assert!(
        accepted.contains("accepted the loss of revisions 5 to 8"),
        "{accepted}"
    );
    assert!(!accepted.contains("has their effect"), "{accepted}");
}

#[test]
fn nothing_is_lost_by_a_checkpoint_that_cannot_be_read_now() {
    let dir = folder();
    let folder = dir.path();
    damage(folder, FIRST_SEGMENT, ALL);
    // It can be opened no more than a file on a disk that fails.
    let newer = folder.join(NEWER);
    let bytes = fs::read(&newer).unwrap();
    fs::remove_file(&newer).unwrap();
    fs::create_dir(&newer).unwrap();
    let format = fs::read(folder.join("format")).unwrap();
    let refusal = start(folder, true).unwrap_err();
    assert!(refusal.contains("the checkpoint at 8"), "{refusal}");
    assert_eq!(fs::read(folder.join("format")).unwrap(), format);
    fs::remove_dir(&newer).unwrap();
    fs::write(&newer, bytes).unwrap();
    assert_eq!(start(folder, false).unwrap().1, LAST, "nothing was lost");
}

#[test]
fn a_quarantine_of_what_was_dropped_long_ago_is_warned_of_and_does_no_harm() {
    let dir = folder();
    let before = start(dir.path(), false).unwrap();
    let config = JournalConfig {
        path: dir.path().to_owned(),
        // The first entry that is kept is 5.
        quarantine: vec![4],
        ..JournalConfig::default()
    };
    let logged = Logged::of(|| {
        Storage::open(
            &config,
            JOURNAL_BYTES_MIN,
            1 << 20,
            Decoder::new(|_, _, _| None),
        )
        .unwrap();
    });
    assert!(
        logged.contains("it is no longer in the journal"),
        "{logged}"
    );
    assert_eq!(start(dir.path(), false), Ok(before));
}
