//! Drafts and archives, which the commands use to write and read folders.

use std::{ops::ControlFlow, path::Path};

use headcount::{
    journal::{Archive, DataFolder, Decoder, Draft, OpenError, Revision},
    providers::Registry,
};

use super::folder::{entry, undisturbed};

/// More than are made durable together.
const MANY: u64 = 2_500;

fn draft(path: &Path, after: Revision, last: Revision) -> Draft {
    let mut draft = Draft::create(path, after).unwrap();
    for n in after + 1..=last {
        draft.push(entry(n)).unwrap();
    }
    draft
}

fn finish(draft: Draft) -> Revision {
    undisturbed(|| draft.finish().unwrap())
}

pub(super) fn open(path: &Path) -> Result<Archive, OpenError> {
    Archive::open(
        &DataFolder::open_existing(path)?,
        Decoder::new(|product, query, body| Registry::standard().decode(product, query, body)),
    )
}

/// The revisions that are handed over by one who has enough at `enough`.
fn read(archive: &Archive, after: Revision, enough: Revision) -> (Vec<Revision>, Revision) {
    let mut read = Vec::new();
    let next = archive.read(after, &mut |revision, told| {
        assert_eq!(format!("{told:?}"), format!("{:?}", entry(revision)));
        read.push(revision);
        match revision == enough {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    (read, next.unwrap())
}

#[test]
fn what_is_pushed_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let last = finish(draft(dir.path(), 40, MANY));
    assert_eq!(last, MANY);
    let archive = open(dir.path()).unwrap();
    assert_eq!(archive.first(), 41);
    let all = (41..=MANY).collect::<Vec<_>>();
    assert_eq!(read(&archive, 40, 0), (all, MANY + 1));
    assert_eq!(read(&archive, MANY, 0), (vec![], MANY + 1));
    assert_eq!(read(&archive, MANY + 9, 0), (vec![], MANY + 1));
}

#[test]
fn who_has_enough_is_given_no_more() {
    let dir = tempfile::tempdir().unwrap();
    finish(draft(dir.path(), 0, 100));
    let archive = open(dir.path()).unwrap();
    // In the middle of what was made durable together.
    assert_eq!(read(&archive, 3, 7), (vec![4, 5, 6, 7], 8));
}

#[test]
fn what_is_half_made_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let draft = draft(dir.path(), 0, MANY);
    undisturbed(|| drop(draft));
    let refusals = [
        open(dir.path()).unwrap_err(),
        DataFolder::open(dir.path()).unwrap_err(),
        Draft::create(dir.path(), 0).unwrap_err(),
    ];
    let told = refusals.map(|refusal| refusal.to_string());
    assert!(
        told[0].contains("format is damaged: it is missing"),
        "{told:?}"
    );
    assert_eq!(told[0], told[1]);
    assert!(told[2].ends_with("it is not empty"), "{told:?}");
}
