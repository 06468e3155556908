//! A start goes on without what is lost only if it is told to. It says what is lost, and clients
//! notice; what is not lost is there.

use std::{fs, path::Path};

use crate::{
    journal::Epoch,
    server::recovery::lost_files::{LAST, append, folder, names, open_as},
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
