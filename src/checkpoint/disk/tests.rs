//! A checkpoint is there whole or not at all, whatever the disk does.

use std::{fs, io, sync::Arc};

use bytes::Bytes;

use super::DiskCheckpoints;
use crate::{
    checkpoint::{CheckpointStore as _, RecordSink},
    journal::{
        DataFolder, StoreError,
        folder::simulated::{Fault, Simulated},
    },
};

fn records(seed: usize) -> Vec<Bytes> {
    let lengths = [0, 1, 100, 600_000, 5, 70_000 + seed];
    lengths
        .into_iter()
        .map(|length| {
            (0..length)
                .map(|i| (i * i * seed / 7 % 251) as u8)
                .collect()
        })
        .collect()
}

fn on(disk: &Simulated) -> DiskCheckpoints {
    DiskCheckpoints::in_files(Arc::new(disk.clone()), "a simulated disk".to_owned())
}

fn save(disk: &Simulated, revision: u64) -> Result<(), StoreError> {
    let records = records(revision as usize);
    let write = Box::new(|sink: RecordSink<'_>| records.into_iter().try_for_each(sink));
    on(disk).write(revision, write)
}

fn read(disk: &Simulated, revision: u64) -> Result<Vec<Bytes>, StoreError> {
    on(disk).read(revision)?.collect()
}

#[test]
fn whatever_fails_the_one_before_is_there_and_no_half_one() {
    let count = {
        let disk = Simulated::default();
        save(&disk, 5).unwrap();
        disk.fail(None);
        save(&disk, 9).unwrap();
        assert_eq!(read(&disk, 9).unwrap(), records(9));
        disk.operations()
    };
    assert!(count > 5, "{count}");
    for at in 0..count {
        for fault in [Fault::At(at), Fault::Short(at), Fault::From(at)] {
            let disk = Simulated::default();
            save(&disk, 5).unwrap();
            disk.fail(Some(fault));
            assert!(save(&disk, 9).is_err());
            let cut = |names| disk.after_power_cut(names, |_| None);
            for disk in [disk.after_kill(), cut(true), cut(false)] {
                for revision in on(&disk).list().unwrap() {
                    let read = read(&disk, revision);
                    assert_eq!(read.unwrap(), records(revision as usize), "{fault:?}");
                }
                assert!(on(&disk).list().unwrap().contains(&5));
            }
            disk.fail(None);
            save(&disk, 9).unwrap();
            assert_eq!(read(&disk, 9).unwrap(), records(9));
        }
    }
}

#[test]
fn a_writer_that_gives_up_leaves_nothing() {
    let disk = Simulated::default();
    let write = |sink: RecordSink<'_>| {
        sink(Bytes::from_static(b"half"))?;
        Err(io::Error::other("changed my mind"))
    };
    let given_up = on(&disk).write(3, Box::new(write));
    assert!(
        given_up
            .unwrap_err()
            .to_string()
            .contains("changed my mind")
    );
    assert_eq!(disk.lengths(), []);
}

#[test]
fn damage_is_an_error_never_other_records() {
    let disk = Simulated::default();
    save(&disk, 9).unwrap();
    let [(name, length)] = &disk.lengths()[..] else {
        panic!("more than one file");
    };
    for at in (0..*length).step_by(499) {
        let damaged = disk.after_kill();
        damaged.flip(name, at, (at % 8) as u8);
        assert!(read(&damaged, 9).is_err(), "flipped at {at}");
        let short = disk.after_kill();
        short.truncate(name, at);
        let records = read(&short, 9);
        // If the file is cut between two chunks, the last records are missing. The reader of
        // the records notices it.
        assert!(
            records.is_err() || records.unwrap().len() < 6,
            "cut at {at}"
        );
    }
}

#[test]
fn checkpoints_are_listed_by_revision_until_they_are_removed_or_set_aside() {
    let disk = Simulated::default();
    for revision in [10, 2, 30] {
        save(&disk, revision).unwrap();
    }
    assert_eq!(on(&disk).list().unwrap(), [30, 10, 2]);
    on(&disk).remove(&[2]).unwrap();
    assert_eq!(on(&disk).list().unwrap(), [30, 10]);
    on(&disk).set_aside(30).unwrap();
    assert_eq!(on(&disk).list().unwrap(), [10]);
    save(&disk, 30).unwrap();
    assert_eq!(on(&disk).list().unwrap(), [30, 10]);
    assert!(on(&Simulated::default()).list().unwrap().is_empty());
}

/// Another folder may be at the place of one that was moved away: nothing of it is touched, and no
/// checkpoint is believed to be stored that the next start would not find.
#[cfg(unix)]
#[test]
fn nothing_is_written_removed_or_set_aside_in_another_folder_at_its_place() {
    let parent = tempfile::tempdir().unwrap();
    let (data, elsewhere) = (parent.path().join("data"), parent.path().join("elsewhere"));
    let folder = DataFolder::open(&data).unwrap();
    let store = DiskCheckpoints::new(&folder);
    let write = |revision: u64| {
        store.write(
            revision,
            Box::new(|sink: RecordSink<'_>| sink(Bytes::from_static(b"one"))),
        )
    };
    write(5).unwrap();
    let file = DiskCheckpoints::files(&folder).unwrap().remove(0).name;

    fs::rename(&data, &elsewhere).unwrap();
    fs::create_dir(&data).unwrap();
    fs::copy(elsewhere.join(&file), data.join(&file)).unwrap();
    let refused = |done: Result<(), StoreError>| {
        let error = done.unwrap_err().to_string();
        assert!(error.contains("was removed, moved or replaced"), "{error}");
    };
    refused(write(9));
    refused(store.set_aside(5));
    refused(store.remove(&[5]));
    let names = fs::read_dir(&data)
        .unwrap()
        .map(|it| it.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), [file.as_str()]);
    // It is moved away while a checkpoint is written.
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&elsewhere, &data).unwrap();
    let moved = |sink: RecordSink<'_>| {
        fs::rename(&data, &elsewhere)?;
        fs::create_dir(&data)?;
        sink(Bytes::from_static(b"half"))
    };
    refused(store.write(9, Box::new(moved)));
    assert_eq!(fs::read_dir(&data).unwrap().count(), 0);
    fs::remove_dir(&data).unwrap();
    fs::rename(&elsewhere, &data).unwrap();
    write(9).unwrap();
    assert_eq!(store.list().unwrap(), [9, 5]);
}
