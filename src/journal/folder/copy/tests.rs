use super::*;
use crate::journal::{DataFolder, OpenError};

/// A data folder, and a place for copies of it.
fn folder() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("data");
    drop(DataFolder::open(&source).unwrap());
    fs::write(source.join("1.segment"), "entries").unwrap();
    (dir, source)
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = names
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_copy_is_there_when_it_is_whole() {
    let (dir, source) = folder();
    let target = dir.path().join("copy");
    // It may be there, if it is empty.
    fs::create_dir(&target).unwrap();
    let copy = FolderCopy::begin(&source, &target).unwrap();
    assert_eq!(copy.add("1.segment").unwrap(), 7);
    let opened = DataFolder::open_existing(copy.path()).unwrap_err();
    assert!(opened.to_string().contains("format is damaged"), "{opened}");
    copy.complete(false).unwrap();
    assert_eq!(names(&target), [""; 0]);
    copy.publish().unwrap();
    assert_eq!(names(&target), ["1.segment", "format"]);
    assert_eq!(names(dir.path()), ["copy", "data"]);
    let (copied, source) = (
        DataFolder::open_existing(&target).unwrap(),
        DataFolder::open_existing(&source).unwrap(),
    );
    assert_eq!(copied.epoch(), source.epoch());
}

#[test]
fn a_copy_says_that_it_has_what_was_copied() {
    let (dir, source) = folder();
    let copy = FolderCopy::begin(&source, &dir.path().join("copy")).unwrap();
    copy.add("1.segment").unwrap();
    // The server goes on meanwhile.
    let files = OsFolder::new(&source);
    let mut identity = format::find(&files).unwrap().unwrap();
    identity.begun = Some("2.segment".to_owned());
    format::write(&files, &identity).unwrap();
    copy.complete(true).unwrap();
    identity.begun = Some("1.segment".to_owned());
    let copied = format::find(&OsFolder::new(copy.path())).unwrap();
    assert_eq!(copied, Some(identity));
}

#[test]
fn one_that_fails_leaves_nothing() {
    let (dir, source) = folder();
    let copy = FolderCopy::begin(&source, &dir.path().join("copy")).unwrap();
    copy.add("1.segment").unwrap();
    let missing = copy.add("2.segment").unwrap_err();
    assert!(
        missing.to_string().contains("2.segment: No such file"),
        "{missing}"
    );
    let outside = copy.add("../data/format").unwrap_err();
    assert!(
        outside.to_string().contains("invalid filename"),
        "{outside}"
    );
    drop(copy);
    assert_eq!(names(dir.path()), ["data"]);
}

#[test]
fn one_that_is_killed_is_no_data_folder() {
    let (dir, source) = folder();
    let copy = FolderCopy::begin(&source, &dir.path().join("copy")).unwrap();
    copy.add("1.segment").unwrap();
    let left = copy.unfinished.keep();
    assert!(!dir.path().join("copy").exists());
    for opened in [DataFolder::open(&left), DataFolder::open_existing(&left)] {
        assert!(matches!(opened, Err(OpenError::Store { .. })), "{opened:?}");
    }
}

#[test]
fn what_is_there_is_not_replaced() {
    let (dir, source) = folder();
    let other = dir.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("a"), "").unwrap();
    let begun = |target: &Path| FolderCopy::begin(&source, target).unwrap_err().to_string();
    assert!(begun(&other).ends_with("other is not empty"));
    assert!(begun(&source.join("copy")).ends_with("is within the data folder itself"));
    assert!(begun(&other.join("a/copy")).contains("Not a directory"));
    // Also if it comes meanwhile.
    let target = dir.path().join("copy");
    let copy = FolderCopy::begin(&source, &target).unwrap();
    copy.complete(false).unwrap();
    fs::create_dir(&target).unwrap();
    fs::write(target.join("a"), "").unwrap();
    assert!(copy.publish().is_err());
    assert_eq!(names(&target), ["a"]);
    assert_eq!(names(dir.path()), ["copy", "data", "other"]);
}

#[cfg(unix)]
#[test]
fn a_copy_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, source) = folder();
    let path = source.join("1.segment");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let target = dir.path().join("copy");
    let copy = FolderCopy::begin(&source, &target).unwrap();
    copy.add("1.segment").unwrap();
    copy.complete(false).unwrap();
    copy.publish().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&target), 0o700);
    for file in names(&target) {
        assert_eq!(mode(&target.join(&file)), 0o600, "{file}");
    }
}
