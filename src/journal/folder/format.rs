//! The file `format` of a data folder: a text with the version of the folder's format and what
//! tells its journal from all others.

use std::fmt;

use redb::StorageBackend as _;

use super::{
    error::StoreError,
    files::{Files, Mode},
};
use crate::journal::entry::Epoch;

pub(super) const FILE: &str = "format";
const TEMPORARY: &str = "format.new";
const TITLE: &str = "headcount data folder";

/// The format that this version reads and writes: segments of blocks, and
/// checkpoints, as `proto/headcount/storage/v1` describes them.
pub(crate) const VERSION: u32 = 1;

/// The hexadecimal digits of an epoch.
const EPOCH_DIGITS: usize = 16;

/// Bytes read of the file; a valid one is shorter.
const BYTES_MAX: u64 = 1024;

/// What the file says of the folder's journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Its epoch.
    pub(crate) epoch: Epoch,
    /// The name of the segment that was begun last. Nothing else tells that a folder lacks its
    /// last segment. `None` if there never was one, or earlier versions began them all.
    pub(crate) begun: Option<String>,
}

/// Reads the identity of a folder. Makes an empty folder one of the epoch `new`.
pub(crate) fn open(files: &dyn Files, new: Epoch) -> Result<Identity, StoreError> {
    if let Some(identity) = find(files)? {
        return Ok(identity);
    }
    let identity = Identity::new(new);
    write(files, &identity)?;
    Ok(identity)
}

/// Reads the identity of a folder; `None` if it is no data folder yet.
pub(crate) fn find(files: &dyn Files) -> Result<Option<Identity>, StoreError> {
    let names = files.list().map_err(StoreError::folder)?;
    if names.iter().any(|name| name == FILE) {
        return read(files).map(Some);
    }
    let kept = |name: &&String| name.ends_with(".segment") || name.ends_with(".checkpoint");
    if let Some(file) = names.iter().find(kept) {
        return Err(StoreError::Damaged {
            file: FILE.to_owned(),
            reason: format!("it is missing, though there is {file}"),
        });
    }
    Ok(None)
}

/// Makes a folder a data folder of this identity, or replaces its identity, durably. After a
/// failure it has the former identity or this one.
pub(crate) fn write(files: &dyn Files, identity: &Identity) -> Result<(), StoreError> {
    let written = write_text(files, &identity.to_string());
    written.map_err(|error| StoreError::failed(FILE, error))
}

fn write_text(files: &dyn Files, text: &str) -> std::io::Result<()> {
    let file = files.open(TEMPORARY, Mode::Create)?;
    file.set_len(text.len() as u64)?;
    file.write(0, text.as_bytes())?;
    file.sync_data()?;
    file.close()?;
    files.rename(TEMPORARY, FILE)?;
    files.sync()
}

fn read(files: &dyn Files) -> Result<Identity, StoreError> {
    let failed = |error| StoreError::failed(FILE, error);
    let file = files.open(FILE, Mode::Existing).map_err(failed)?;
    let length = file.len().map_err(failed)?.min(BYTES_MAX);
    let mut text = vec![0; length as usize];
    file.read(0, &mut text).map_err(failed)?;
    file.close().map_err(failed)?;
    parse(&String::from_utf8_lossy(&text))
}

fn parse(text: &str) -> Result<Identity, StoreError> {
    let damaged = |reason: &str| StoreError::Damaged {
        file: FILE.to_owned(),
        reason: reason.to_owned(),
    };
    let mut lines = text.lines();
    if lines.next() != Some(TITLE) {
        return Err(damaged("it is not that of a data folder"));
    }
    let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
    let version = field("version").and_then(|version| version.parse::<u32>().ok());
    match version.ok_or_else(|| damaged("it names no version"))? {
        VERSION => {}
        version => return Err(StoreError::Version { version }),
    }
    let epoch = field("epoch").and_then(parse_epoch);
    let epoch = epoch.ok_or_else(|| damaged("it names no epoch"))?;
    let mut identity = Identity::new(epoch);
    for line in lines {
        match line.split_once(' ') {
            Some(("segment", name)) => identity.begun = Some(name.to_owned()),
            // A later version may have written it.
            _ => return Err(damaged("it says what this version does not know")),
        }
    }
    Ok(identity)
}

/// All of its digits have to be there: a file that was cut short is of no epoch.
fn parse_epoch(digits: &str) -> Option<Epoch> {
    let is_whole = digits.len() == EPOCH_DIGITS;
    let number = u64::from_str_radix(digits, 16).ok();
    number.filter(|_| is_whole).map(Epoch)
}

impl Identity {
    /// A journal of which nothing is kept yet.
    pub(crate) fn new(epoch: Epoch) -> Self {
        Self { epoch, begun: None }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let epoch = self.epoch.0;
        writeln!(
            f,
            "{TITLE}\nversion {VERSION}\nepoch {epoch:0EPOCH_DIGITS$x}"
        )?;
        if let Some(name) = &self.begun {
            writeln!(f, "segment {name}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_versions_and_other_texts_are_refused() {
        let cases = [
            ("", "format is damaged: it is not that of a data folder"),
            (
                "headcount data folder\n",
                "format is damaged: it names no version",
            ),
            (
                "headcount data folder\nversion 2\nepoch 00\n",
                "the data folder is of format 2, and this version reads format 1",
            ),
            (
                "headcount data folder\nversion 1\nepoch x\n",
                "format is damaged: it names no epoch",
            ),
            (
                "headcount data folder\nversion 1\nepoch 000000000000000",
                "format is damaged: it names no epoch",
            ),
            (
                "headcount data folder\nversion 1\nepoch 00000000000000ff\nsegmen",
                "format is damaged: it says what this version does not know",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(parse(text).unwrap_err().to_string(), message, "{text:?}");
        }
    }

    #[test]
    fn an_identity_is_read_as_it_was_written() {
        // Of a version that did not name the last segment.
        let text = "headcount data folder\nversion 1\nepoch 00000000000000ff\n";
        let mut identity = Identity::new(Epoch(255));
        assert_eq!(parse(text), Ok(identity.clone()));
        assert_eq!(identity.to_string(), text);
        identity.begun = Some("7-8.segment".to_owned());
        assert_eq!(parse(&identity.to_string()), Ok(identity));
    }
}
