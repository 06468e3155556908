//! A segment: one file with blocks of consecutive entries, in an embedded store that commits
//! atomically and checks its pages.
//!
//! Only the process that created a segment writes to it, and not after a commit failed. It
//! is unknown what of a failed commit is on the disk, so the next segment begins where the
//! last good commit ended.

use std::{
    fmt,
    io::ErrorKind::{InvalidData, UnexpectedEof},
    panic::{self, AssertUnwindSafe},
    time::Duration,
};

use redb::{Builder, Database, ReadableDatabase as _, StorageBackend as _, TableDefinition};

use crate::{
    domain::Time,
    journal::{
        Cause, Epoch, Revision, StoreError,
        folder::{Files, Identity, Mode, OpenFile, UNFINISHED},
    },
};

/// Blocks by the revision of their first entry, each in a frame.
const BLOCKS: TableDefinition<'_, Revision, &[u8]> = TableDefinition::new("blocks");
/// Which journal the segment is of.
const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("about");

/// Pages kept in memory. Blocks are written once and read at most once, so only the branch
/// pages of the tree are read again.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

const SUFFIX: &str = ".segment";

/// Takes a block and the revision of its first entry. Returns whether it wants more.
pub(super) type Visit<'a> = dyn FnMut(Revision, &[u8]) -> Result<bool, StoreError> + 'a;

/// The name of a segment: its first revision, and when it was begun. If two begin at the
/// same revision, the later one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentName {
    pub(super) first: Revision,
    pub(super) created_at: Time,
}

impl SegmentName {
    /// The least difference of two times in names.
    pub(super) const RESOLUTION: Duration = Duration::from_millis(1);

    pub(super) fn parse(name: &str) -> Option<Self> {
        let (first, created_at) = name.strip_suffix(SUFFIX)?.split_once('-')?;
        let name = Self {
            first: first.parse().ok()?,
            created_at: Time::from_millis(created_at.parse().ok()?)?,
        };
        Some(name)
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, created_at) = (self.first, self.created_at.as_millis());
        write!(f, "{first:020}-{created_at:014}{SUFFIX}")
    }
}

/// An open segment.
pub(super) struct Segment {
    name: SegmentName,
    /// `None` only while the segment is being closed.
    store: Option<Database>,
    bytes: u64,
}

impl Segment {
    /// Creates an empty segment, durably.
    pub(super) fn create(
        files: &dyn Files,
        name: SegmentName,
        identity: &Identity,
    ) -> Result<Self, StoreError> {
        let (temporary, file) = (format!("{name}{UNFINISHED}"), name.to_string());
        let create = || -> Result<(), redb::Error> {
            let store = Builder::new()
                .set_cache_size(CACHE_BYTES)
                .create_with_backend(files.open(&temporary, Mode::Create)?)?;
            let transaction = store.begin_write()?;
            transaction.open_table(BLOCKS)?;
            let epoch = identity.epoch.0;
            transaction.open_table(ABOUT)?.insert("epoch", epoch)?;
            transaction.commit()?;
            drop(store);
            // The file gets its name only when it is whole.
            files.rename(&temporary, &file)?;
            files.sync()?;
            Ok(())
        };
        let created = guard(&file, create);
        let opened = created.and_then(|()| Self::open(files, name, identity, Trust::Whole));
        if opened.is_err() {
            // The disk may be full. A file that cannot be removed is replaced by a later one.
            let _ = files.remove(&temporary);
            let _ = files.remove(&file);
        }
        opened
    }

    /// Opens a segment.
    pub(super) fn open(
        files: &dyn Files,
        name: SegmentName,
        identity: &Identity,
        trust: Trust,
    ) -> Result<Self, StoreError> {
        let file = name.to_string();
        let mode = match trust {
            Trust::Whole => Mode::Extend,
            Trust::Nothing => Mode::Existing,
        };
        let disk = guard(&file, || Ok(files.open(&file, mode)?))?;
        if guard(&file, || Ok(disk.len()?))? == 0 {
            // The store would make a new database of it.
            let reason = "it is empty".to_owned();
            return Err(StoreError::Damaged { file, reason });
        }
        let (store, of) = guard(&file, || {
            let store = open(disk, trust)?;
            let about = store.begin_read()?.open_table(ABOUT)?;
            let of = about.get("epoch")?.map(|epoch| Epoch(epoch.value()));
            Ok((store, of))
        })?;
        if !of.is_some_and(|of| identity.has_had(of)) {
            return Err(StoreError::Foreign { file });
        }
        Ok(Self {
            name,
            store: Some(store),
            bytes: 0,
        })
    }

    /// Adds a block. When this returns, it is durable.
    pub(super) fn append(&mut self, first: Revision, frame: &[u8]) -> Result<(), StoreError> {
        guard(&self.name.to_string(), || {
            // With the default durability, a commit is synced when it returns.
            let transaction = self.store()?.begin_write()?;
            transaction.open_table(BLOCKS)?.insert(first, frame)?;
            transaction.commit()?;
            Ok(())
        })?;
        self.bytes += frame.len() as u64;
        Ok(())
    }

    /// Reads the blocks in their order until `visit` wants no more. The first is the block with
    /// the entry at `from`; without such a block, the next one.
    pub(super) fn blocks(&self, from: Revision, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let file = self.name.to_string();
        let (blocks, first) = guard(&file, || {
            let blocks = self.store()?.begin_read()?.open_table(BLOCKS)?;
            let holding = blocks.range(..=from)?.next_back().transpose()?;
            let first = holding.map_or(from, |(first, _)| first.value());
            Ok((blocks, first))
        })?;
        let mut range = guard(&file, || Ok(blocks.range(first..)?))?;
        while let Some((first, frame)) = guard(&file, || Ok(range.next().transpose()?))? {
            if !visit(first.value(), frame.value())? {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn name(&self) -> SegmentName {
        self.name
    }

    /// Bytes that were added since it was opened.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn store(&self) -> Result<&Database, redb::Error> {
        self.store.as_ref().ok_or(redb::Error::DatabaseClosed)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // After a failed commit, the store may panic when it is closed. That does no harm.
        let store = self.store.take();
        let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(store)));
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Segment").field(&self.name).finish()
    }
}

/// Whether a segment is checked when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It is not: this process just began it, and adds to it.
    Whole,
    /// Every page is checked, because it may be damaged.
    Nothing,
}

fn open(disk: OpenFile, trust: Trust) -> Result<Database, redb::Error> {
    let mut builder = Builder::new();
    builder
        .set_cache_size(CACHE_BYTES)
        .set_check_integrity_on_open(trust == Trust::Nothing);
    Ok(builder.create_with_backend(disk)?)
}

/// Names the file in each error. The store may panic because of a damaged file: that is an
/// error too.
fn guard<T>(file: &str, work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, StoreError> {
    let file = || file.to_owned();
    match panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(redb::Error::Corrupted(reason))) => Err(StoreError::Damaged {
            file: file(),
            reason,
        }),
        // What the store says of a file that is cut short, or that is no database.
        Ok(Err(redb::Error::Io(error))) if matches!(error.kind(), UnexpectedEof | InvalidData) => {
            Err(StoreError::Damaged {
                file: file(),
                reason: error.to_string(),
            })
        }
        // The store names no source, which says whether the disk is full.
        Ok(Err(redb::Error::Io(error))) => Err(StoreError::failed(&file(), error)),
        Ok(Err(error @ (redb::Error::TableDoesNotExist(_) | redb::Error::UpgradeRequired(_)))) => {
            Err(StoreError::Damaged {
                file: file(),
                reason: error.to_string(),
            })
        }
        Ok(Err(error)) => Err(StoreError::Failed {
            file: file(),
            source: Cause::new(error),
        }),
        Err(_) => Err(StoreError::Damaged {
            file: file(),
            reason: "the store cannot make sense of it".to_owned(),
        }),
    }
}
