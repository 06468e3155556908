//! Whatever file of a data folder is missing, empty or cut short: a start has every entry, or it
//! fails.

use std::{fs, path::Path, sync::Arc};

use tempfile::TempDir;

use super::{recover, tests::roster};
use crate::{
    checkpoint::{self, RecordSink},
    config::{JOURNAL_BYTES_MIN, JournalConfig},
    domain::{Decoded, ProductName, Time},
    journal::{Callback, Decoder, Entry, Payload, Revision},
    roster::Roster,
    server::{error::ServerError, storage::Storage},
};

pub(in crate::server) const LAST: Revision = 12;
const PRODUCT: ProductName = ProductName::new("test");
/// Entries of a segment.
const PART: Revision = 4;

fn open(folder: &Path) -> Result<(Storage, Arc<Roster>), ServerError> {
    open_as(folder, false)
}

pub(in crate::server) fn open_as(
    folder: &Path,
    accept_loss: bool,
) -> Result<(Storage, Arc<Roster>), ServerError> {
    let config = JournalConfig {
        path: folder.to_owned(),
        accept_loss,
        ..JournalConfig::default()
    };
    let decoder = Decoder::new(|_, _, _| Some((PRODUCT, Decoded::undecodable("not decoded"))));
    let storage = Storage::open(&config, JOURNAL_BYTES_MIN, 1 << 20, decoder)?;
    let (roster, applier) = roster(storage.journal.epoch());
    recover(&storage, applier)?;
    Ok((storage, roster))
}

pub(in crate::server) fn append(storage: &Storage) {
    append_payload(storage, Payload::Tick);
}

/// Appends a callback without effect.
pub(in crate::server) fn append_body(storage: &Storage, body: &str) {
    let callback = Callback {
        app: "arena".into(),
        product: PRODUCT,
        query: "".into(),
        body: body.to_owned().into(),
        decoded: Arc::new(Decoded::undecodable("not decoded")),
    };
    append_payload(storage, Payload::Callback(callback));
}

fn append_payload(storage: &Storage, payload: Payload) {
    let entry = Entry {
        received_at: Time::MIN,
        payload,
    };
    tokio_test::block_on(storage.journal.append(entry)).unwrap();
}

/// Writes a checkpoint, and drops what it lets be dropped.
pub(in crate::server) fn checkpoint(storage: &Storage, roster: &Arc<Roster>) {
    let capture = roster.begin_capture().unwrap();
    let revision = capture.revision();
    let records = |sink: RecordSink<'_>| checkpoint::write(capture, sink).map(|_| ());
    let checkpoints = storage.checkpoints.as_ref().unwrap();
    let keep_from = Time::from_millis(u64::MAX).unwrap();
    let written = checkpoints.write(revision, keep_from, Box::new(records));
    written.unwrap();
}

/// A folder with two checkpoints, whose first entries are dropped and whose last are in no
/// checkpoint.
pub(in crate::server) fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (storage, roster) = open(dir.path()).unwrap();
    for revision in 1..=LAST {
        append(&storage);
        if revision % PART == 0 && revision < LAST {
            checkpoint(&storage, &roster);
        }
    }
    drop(storage);
    dir
}

pub(in crate::server) fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != "lock").collect();
    names.sort();
    names
}

/// A copy of a folder, to do harm to.
fn copy(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in names(folder) {
        fs::copy(folder.join(&name), copy.path().join(&name)).unwrap();
    }
    copy
}

/// Why a start fails; `None` if it has every entry.
fn refusal(folder: &Path) -> Option<String> {
    match open(folder) {
        Ok((_, roster)) => {
            assert_eq!(roster.applied(), LAST);
            None
        }
        Err(error) => Some(error.to_string()),
    }
}

#[test]
fn a_file_that_is_missing_is_not_needed_or_noticed() {
    let folder = folder();
    let names = names(folder.path());
    // Checkpoints at 4 and 8, segments from 5 and 9 on.
    let [older, first, newer, last, format] = &names[..] else {
        panic!("{names:?}");
    };
    let without = |missing: &[&String]| {
        let folder = copy(folder.path());
        for name in missing {
            fs::remove_file(folder.path().join(name)).unwrap();
        }
        refusal(folder.path())
    };
    assert_eq!(without(&[]), None);
    assert_eq!(without(&[older]), None);
    assert_eq!(without(&[newer]), None);
    // The newer checkpoint covers its entries.
    assert_eq!(without(&[first]), None);
    let noticed = [
        (
            &[older, newer][..],
            "the journal lacks the entries of revisions 1 to 4",
        ),
        (
            &[newer, first],
            "the journal lacks the entries of revisions 5 to 8",
        ),
        (
            &[last],
            "it is the last segment, with the entries from revision 9 on",
        ),
        (&[first, last], "it is the last segment"),
        (&[older, newer, first, last], "it is the last segment"),
        (&[format], "format is damaged: it is missing"),
    ];
    for (missing, expected) in noticed {
        let told = without(missing).unwrap_or_default();
        assert!(told.contains(expected), "{missing:?}: {told}");
    }
}

#[test]
fn a_file_that_is_cut_short_is_not_needed_or_noticed() {
    let folder = folder();
    for name in names(folder.path()) {
        let bytes = fs::read(folder.path().join(&name)).unwrap();
        let ends = [1, 2, 3, 5, 8, 16, 32, 64].map(|part| bytes.len() - bytes.len() / part);
        for end in ends.into_iter().chain([bytes.len() - 1]) {
            let folder = copy(folder.path());
            fs::write(folder.path().join(&name), &bytes[..end]).unwrap();
            let told = refusal(folder.path());
            let is_needed = name == "format" || name.starts_with("00000000000000000009");
            assert!(!is_needed || end > 0 || told.is_some(), "{name} is empty");
        }
    }
}

#[test]
fn a_folder_that_does_not_name_its_last_segment_is_taken_and_names_the_next() {
    let folder = folder();
    let format = folder.path().join("format");
    let text = fs::read_to_string(&format).unwrap();
    let (earlier, named) = text.split_once("segment ").unwrap();
    assert!(named.starts_with("00000000000000000009-"), "{named}");
    fs::write(&format, earlier).unwrap();
    let (storage, roster) = open(folder.path()).unwrap();
    assert_eq!(roster.applied(), LAST);
    assert_eq!(fs::read_to_string(&format).unwrap(), earlier);
    append(&storage);
    let text = fs::read_to_string(&format).unwrap();
    assert!(text.contains("\nsegment 00000000000000000013-"), "{text}");
}
