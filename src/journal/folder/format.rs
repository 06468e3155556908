//! The file `format` of a data folder: a text with the version of the folder's format and
//! the epoch of its journal.

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

/// Bytes read of the file; a valid one is shorter.
const BYTES_MAX: u64 = 1024;

/// Reads the epoch of a folder. Makes an empty folder one of the epoch `new`.
pub(crate) fn open(files: &dyn Files, new: Epoch) -> Result<Epoch, StoreError> {
    match find(files)? {
        Some(epoch) => Ok(epoch),
        None => begin(files, new),
    }
}

/// Reads the epoch of a folder; `None` if it is no data folder yet.
pub(crate) fn find(files: &dyn Files) -> Result<Option<Epoch>, StoreError> {
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

/// Makes a folder a data folder of an epoch.
pub(crate) fn begin(files: &dyn Files, epoch: Epoch) -> Result<Epoch, StoreError> {
    write(files, epoch).map_err(|error| StoreError::failed(FILE, error))?;
    Ok(epoch)
}

fn write(files: &dyn Files, epoch: Epoch) -> std::io::Result<()> {
    let text = format!("{TITLE}\nversion {VERSION}\nepoch {:016x}\n", epoch.0);
    let file = files.open(TEMPORARY, Mode::Create)?;
    file.set_len(text.len() as u64)?;
    file.write(0, text.as_bytes())?;
    file.sync_data()?;
    file.close()?;
    files.rename(TEMPORARY, FILE)?;
    files.sync()
}

fn read(files: &dyn Files) -> Result<Epoch, StoreError> {
    let failed = |error| StoreError::failed(FILE, error);
    let file = files.open(FILE, Mode::Existing).map_err(failed)?;
    let length = file.len().map_err(failed)?.min(BYTES_MAX);
    let mut text = vec![0; length as usize];
    file.read(0, &mut text).map_err(failed)?;
    file.close().map_err(failed)?;
    parse(&String::from_utf8_lossy(&text))
}

fn parse(text: &str) -> Result<Epoch, StoreError> {
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
    let epoch = field("epoch").and_then(|epoch| u64::from_str_radix(epoch, 16).ok());
    epoch.map(Epoch).ok_or_else(|| damaged("it names no epoch"))
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
        ];
        for (text, message) in cases {
            assert_eq!(parse(text).unwrap_err().to_string(), message, "{text:?}");
        }
        let epoch = parse("headcount data folder\nversion 1\nepoch 00000000000000ff\n");
        assert_eq!(epoch.unwrap(), Epoch(255));
    }
}
