//! The file `format` of a data folder: a text with the version of the folder's format and what
//! tells its journal from all others.

use std::{fmt, mem, ops::RangeInclusive};

use redb::StorageBackend as _;

use super::{
    error::StoreError,
    files::{Files, Mode},
};
use crate::journal::{
    Losses,
    entry::{Epoch, Revision},
};

pub(super) const FILE: &str = "format";
const TEMPORARY: &str = "format.new";
const TITLE: &str = "headcount data folder";

/// The format that this version reads and writes: segments of blocks, and
/// checkpoints, as `proto/headcount/storage/v1` describes them.
pub(crate) const VERSION: u32 = 1;

/// The hexadecimal digits of an epoch.
const EPOCH_DIGITS: usize = 16;

/// Ranges of lost entries that are named. If there are more, one range stands for all of them:
/// further damage between them would go unnoticed, but a disk that is damaged at so many places
/// is replaced.
const LOST_MAX: usize = 10_000;

/// Bytes read of the file; a valid one is shorter.
const BYTES_MAX: u64 = 1024 * 1024;

/// What the file says of the folder's journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Its epoch.
    pub(crate) epoch: Epoch,
    /// The name of the segment that was begun last. Nothing else tells that a folder lacks its
    /// last segment. `None` if there never was one, or earlier versions began them all.
    pub(crate) begun: Option<String>,
    /// The epochs that it had before it went on without entries that it lost.
    pub(super) former: Vec<Epoch>,
    /// Segments that are damaged. Of these, the blocks that are whole are read.
    pub(super) damaged: Vec<String>,
    /// The revisions of entries whose loss was accepted.
    pub(super) lost: Vec<RangeInclusive<Revision>>,
    /// The revisions of entries that have no effect, because the code panicked on them.
    pub(crate) quarantined: Vec<Revision>,
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
            Some((field, value)) if identity.read(field, value).is_some() => {}
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
        Self {
            epoch,
            begun: None,
            former: Vec::new(),
            damaged: Vec::new(),
            lost: Vec::new(),
            quarantined: Vec::new(),
        }
    }

    /// Whether the journal has this epoch, or had it.
    pub(crate) fn has_had(&self, epoch: Epoch) -> bool {
        self.epoch == epoch || self.former.contains(&epoch)
    }

    /// Whether the loss of all entries from one revision to another was accepted.
    pub(crate) fn accepts(&self, first: Revision, last: Revision) -> bool {
        let covers = |lost: &RangeInclusive<_>| lost.contains(&first) && lost.contains(&last);
        self.lost.iter().any(covers)
    }

    /// Whether a segment is known to be damaged.
    pub(crate) fn is_damaged(&self, segment: &str) -> bool {
        self.damaged.iter().any(|damaged| damaged == segment)
    }

    /// Accepts losses. If entries are lost, the journal goes on under the epoch `new`: watchers
    /// have seen what it no longer has. `last` is the last segment that is left.
    pub(super) fn accept(&mut self, losses: &Losses, last: Option<String>, new: Epoch) {
        let is_news = |file: &&String| !self.is_damaged(file);
        let damaged: Vec<_> = losses.damaged.iter().filter(is_news).cloned().collect();
        self.damaged.extend(damaged);
        if losses.lost.is_empty() {
            return;
        }
        self.former.push(mem::replace(&mut self.epoch, new));
        self.begun = last;
        let ends = losses.lost.iter().filter(|loss| loss.last.is_none());
        if let Some(first) = ends.map(|loss| loss.first).min() {
            self.forget_from(first);
        }
        let ranges = losses.lost.iter();
        self.lost
            .extend(ranges.filter_map(|loss| Some(loss.first..=loss.last?)));
        if self.lost.len() > LOST_MAX {
            let first = self.lost.iter().map(RangeInclusive::start).min();
            let last = self.lost.iter().map(RangeInclusive::end).max();
            let all = first.zip(last).map(|(first, last)| *first..=*last);
            self.lost = all.into_iter().collect();
        }
    }

    /// Lets entries have no effect. The journal goes on under the epoch `new`.
    pub(super) fn quarantine(&mut self, revisions: &[Revision], new: Epoch) {
        self.former.push(mem::replace(&mut self.epoch, new));
        self.quarantined.extend(revisions);
    }

    /// Forgets what is said of the entries from a revision on: others will have these revisions.
    fn forget_from(&mut self, first: Revision) {
        self.quarantined.retain(|revision| *revision < first);
        self.lost.retain(|lost| *lost.start() < first);
        for lost in &mut self.lost {
            *lost = *lost.start()..=(*lost.end()).min(first - 1);
        }
    }

    /// Forgets what is said of entries before a revision, which are dropped.
    pub(crate) fn forget_before(&mut self, first: Revision, is_kept: impl Fn(&str) -> bool) {
        self.lost.retain(|lost| *lost.end() >= first);
        self.damaged.retain(|segment| is_kept(segment));
        self.quarantined.retain(|revision| *revision >= first);
    }

    /// Reads a line after those that every version knows.
    fn read(&mut self, field: &str, value: &str) -> Option<()> {
        match field {
            "segment" => self.begun = Some(value.to_owned()),
            "former" => self.former.push(parse_epoch(value)?),
            "quarantined" => self.quarantined.push(value.parse().ok()?),
            "damaged" => self.damaged.push(value.to_owned()),
            "lost" => {
                let (first, last) = value.split_once(' ')?;
                self.lost.push(first.parse().ok()?..=last.parse().ok()?);
            }
            _ => return None,
        }
        Some(())
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
        for Epoch(former) in &self.former {
            writeln!(f, "former {former:0EPOCH_DIGITS$x}")?;
        }
        for damaged in &self.damaged {
            writeln!(f, "damaged {damaged}")?;
        }
        for lost in &self.lost {
            writeln!(f, "lost {} {}", lost.start(), lost.end())?;
        }
        for quarantined in &self.quarantined {
            writeln!(f, "quarantined {quarantined}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Loss;

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
    fn what_is_said_of_lost_entries_does_not_hold_for_those_that_get_their_revisions() {
        let mut identity = Identity::new(Epoch(1));
        identity.quarantined = vec![80, 95];
        identity.lost = vec![70..=71, 88..=93, 92..=99];
        let lost = Loss {
            first: 91,
            last: None,
            reason: StoreError::Nothing,
        };
        let losses = Losses {
            lost: vec![lost],
            ..Losses::default()
        };
        identity.accept(&losses, None, Epoch(2));
        assert_eq!(identity.quarantined, [80]);
        assert_eq!(identity.lost, [70..=71, 88..=90]);
    }

    #[test]
    fn an_identity_is_read_as_it_was_written() {
        // Of a version that did not name the last segment.
        let text = "headcount data folder\nversion 1\nepoch 00000000000000ff\n";
        let mut identity = Identity::new(Epoch(255));
        assert_eq!(parse(text), Ok(identity.clone()));
        assert_eq!(identity.to_string(), text);
        identity.begun = Some("7-8.segment".to_owned());
        identity.former = vec![Epoch(1), Epoch(u64::MAX)];
        identity.damaged = vec!["1-2.segment".to_owned(), "3-4.segment".to_owned()];
        identity.lost = vec![1..=1, 5..=9];
        identity.quarantined = vec![10, 12];
        assert_eq!(parse(&identity.to_string()), Ok(identity));
    }
}
