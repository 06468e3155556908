//! Folders that the commands refuse.

use std::{fs, process};

use super::folder::{HORIZON, Recipe, open, run, text, undisturbed};

const COMMANDS: [&str; 3] = ["inspect", "replay", "export"];

#[track_caller]
fn assert_refused(folder: &str, message: &str) {
    for command in COMMANDS {
        let output = run(&[command, folder]);
        let told = text(&output.stderr);
        assert!(told.contains(message), "{command}: {told}");
        assert_eq!(told.lines().count(), 1, "{command}: {told}");
        assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]));
    }
}

#[test]
fn one_that_is_in_use() {
    let folder = Recipe {
        entries: 20,
        ..Recipe::default()
    }
    .make();
    let path = folder.path().to_str().unwrap();
    let (journal, _) = open(folder.path(), HORIZON);
    let holder = format!("is in use by process {}", process::id());
    assert_refused(path, &holder);
    undisturbed(|| drop(journal));
    assert_eq!(run(&["inspect", path]).status.code(), Some(0));
}

#[test]
fn one_of_another_format() {
    let dir = tempfile::tempdir().unwrap();
    let format = "headcount data folder\nversion 9\nepoch 01\n";
    fs::write(dir.path().join("format"), format).unwrap();
    assert_refused(dir.path().to_str().unwrap(), "is of format 9");
}

#[test]
fn what_is_none_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    assert_refused(dir.path().to_str().unwrap(), "it holds no journal");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    let nowhere = dir.path().join("nowhere");
    assert_refused(nowhere.to_str().unwrap(), "No such file");
    assert!(!nowhere.exists());
}
