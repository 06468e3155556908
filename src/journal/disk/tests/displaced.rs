//! A data folder that is removed or moved while the journal is open: nothing is acknowledged that
//! the next start would not find.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    path::Path,
    sync::Arc,
};

use super::{decoder, entry};
use crate::{
    domain::Time,
    journal::{DataFolder, StoreError, disk::log::Log},
};

fn open(folder: &DataFolder) -> (Log, u64) {
    let mut log = Log::open(Arc::clone(folder.files()), folder.identity()).unwrap();
    let mut count = 0;
    log.replay_all(0, None, &decoder(), &mut |block| {
        count += block.entries.len() as u64;
    })
    .unwrap();
    (log, count)
}

/// The names of the files of a folder.
fn names(folder: &Path) -> Vec<OsString> {
    let files = fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().file_name()).collect()
}

fn append(log: &mut Log, body: &str) -> Result<(), StoreError> {
    let entries = [entry(body)];
    log.append(entries.iter(), Time::MIN).map(|_| ())
}

#[test]
fn what_is_moved_away_takes_no_entries_until_it_is_back() {
    let parent = tempfile::tempdir().unwrap();
    let (data, elsewhere) = (parent.path().join("data"), parent.path().join("elsewhere"));
    let folder = DataFolder::open(&data).unwrap();
    let (mut log, _) = open(&folder);
    append(&mut log, "one").unwrap();

    fs::rename(&data, &elsewhere).unwrap();
    let error = append(&mut log, "lost").unwrap_err().to_string();
    assert!(error.contains("was removed, moved or replaced"), "{error}");
    log.try_to_write(Time::MIN).unwrap_err();
    // Another folder at its path is not it, and gets nothing.
    fs::create_dir(&data).unwrap();
    append(&mut log, "lost").unwrap_err();
    log.try_to_write(Time::MIN).unwrap_err();
    assert_eq!(fs::read_dir(&data).unwrap().count(), 0);

    fs::remove_dir(&data).unwrap();
    fs::rename(&elsewhere, &data).unwrap();
    log.try_to_write(Time::MIN).unwrap();
    append(&mut log, "two").unwrap();
    drop((log, folder));
    assert_eq!(open(&DataFolder::open(&data).unwrap()).1, 2);
}

#[test]
fn a_segment_that_is_removed_while_it_is_written_takes_no_entries_until_it_is_back() {
    let parent = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(&parent.path().join("data")).unwrap();
    let (mut log, _) = open(&folder);
    append(&mut log, "one").unwrap();
    let segment = folder.path().join(log.segments()[0].to_string());
    let elsewhere = parent.path().join("elsewhere");
    fs::rename(&segment, &elsewhere).unwrap();
    append(&mut log, "lost").unwrap_err();
    log.try_to_write(Time::MIN).unwrap_err();
    fs::rename(&elsewhere, &segment).unwrap();
    append(&mut log, "two").unwrap();
    let path = folder.path().to_owned();
    drop((log, folder));
    assert_eq!(open(&DataFolder::open(&path).unwrap()).1, 2);
}

#[test]
fn nothing_is_dropped_from_another_folder_at_its_place() {
    let parent = tempfile::tempdir().unwrap();
    let (data, elsewhere) = (parent.path().join("data"), parent.path().join("elsewhere"));
    let folder = DataFolder::open(&data).unwrap();
    let (mut log, _) = open(&folder);
    for body in ["one", "two"] {
        append(&mut log, body).unwrap();
        log.seal();
    }
    let first = log.segments()[0].to_string();
    fs::rename(&data, &elsewhere).unwrap();
    fs::create_dir(&data).unwrap();
    fs::copy(elsewhere.join(&first), data.join(&first)).unwrap();
    log.drop_before(3, Time::MIN).unwrap_err();
    assert_eq!(names(&data), [OsString::from(&first)]);
    assert_eq!(log.segments()[0].to_string(), first);
}

#[test]
fn a_segment_that_others_cut_or_replace_takes_no_entries_until_it_is_back() {
    let parent = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(&parent.path().join("data")).unwrap();
    let (mut log, _) = open(&folder);
    append(&mut log, "one").unwrap();
    let segment = folder.path().join(log.segments()[0].to_string());
    let copy = parent.path().join("copy");
    fs::copy(&segment, &copy).unwrap();
    let refused = |log: &mut Log| {
        let error = append(log, "lost").unwrap_err().to_string();
        assert!(error.contains("was replaced or cut"), "{error}");
        log.try_to_write(Time::MIN).unwrap_err();
    };

    let length = fs::metadata(&segment).unwrap().len();
    let file = OpenOptions::new().write(true).open(&segment).unwrap();
    file.set_len(length / 2).unwrap();
    refused(&mut log);
    // Whoever cut it puts back what was there.
    fs::write(&segment, fs::read(&copy).unwrap()).unwrap();
    append(&mut log, "two").unwrap();

    // What is written to the open file now would be in no file that has a name.
    let aside = parent.path().join("aside");
    fs::rename(&segment, &aside).unwrap();
    fs::copy(&aside, &segment).unwrap();
    refused(&mut log);
    fs::rename(&aside, &segment).unwrap();
    append(&mut log, "three").unwrap();
    let path = folder.path().to_owned();
    drop((log, folder));
    assert_eq!(open(&DataFolder::open(&path).unwrap()).1, 3);
}
