//! The log: all entries that are kept, in consecutive segments.

mod chain;
mod current;
mod place;
mod read;
mod retention;

use std::{ops::ControlFlow, sync::Arc};

pub(super) use self::read::OnLoss;

use self::chain::Chain;
use super::{
    room::LogRoom,
    segment::{Segment, SegmentName},
};
use crate::{
    domain::{Histogram, Time},
    journal::{
        ChainHash, ChainPoint, Decoder, Entry, Revision, StoreError, codec,
        folder::{Files, Identity, Look, Space, write_identity},
    },
};

/// Takes the entries of a block. When it wants no more, it breaks with the revision after the
/// last entry that it took.
pub(super) type Take<'a> = dyn FnMut(ReadBlock) -> ControlFlow<Revision> + 'a;

/// A block of entries that was read.
#[derive(Debug)]
pub(super) struct ReadBlock {
    /// The block as a whole.
    pub(super) point: ChainPoint,
    /// The revision of the first of `entries`. Entries before it were not asked for.
    pub(super) first: Revision,
    pub(super) entries: Vec<Entry>,
}

/// All entries of a journal up to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The names of the files that hold them. As long as the journal is open, they do not
    /// change; it may drop them.
    pub segments: Vec<String>,
    /// The revision of the last entry; 0 if there never was one.
    pub last: Revision,
}

/// The entries of a journal on disk, in the order of their revisions.
#[derive(Debug)]
pub(super) struct Log {
    files: Arc<dyn Files>,
    room: LogRoom,
    /// How long it took to make blocks durable.
    sync_time: Histogram,
    /// What the folder says of the journal, or is going to when it is [marked](Self::mark).
    identity: Identity,
    is_marked: bool,
    /// In order.
    segments: Vec<SegmentName>,
    /// The segment that is written to. `None` if the next entry begins a new one: at first,
    /// after a write failed, and after a segment was sealed.
    current: Option<Segment>,
    /// The segment that is written to, as it was after the last write.
    written: Option<(SegmentName, Look)>,
    /// A segment that was begun and that the folder does not name yet. Nothing is in it.
    unnamed: Option<Segment>,
    /// The last segment that this process began or tried to begin, or found.
    begun: Option<SegmentName>,
    /// The revision of the next entry.
    next: Revision,
    /// The hash of all entries before it.
    chain: ChainHash,
}

impl Log {
    /// Finds the segments of a folder. The log has to be [replayed](Self::replay) before it
    /// can be appended to.
    pub(super) fn open(files: Arc<dyn Files>, identity: &Identity) -> Result<Self, StoreError> {
        let names = files.list().map_err(StoreError::folder)?;
        let mut segments: Vec<SegmentName> = names
            .iter()
            .filter_map(|name| SegmentName::parse(name))
            .collect();
        segments.sort_unstable();
        let begun = segments.last().copied();
        Ok(Self {
            files,
            room: LogRoom::new(Space::unlimited().into()),
            sync_time: Histogram::default(),
            identity: identity.clone(),
            is_marked: true,
            segments,
            current: None,
            written: None,
            unnamed: None,
            begun,
            next: 1,
            chain: ChainHash::NONE,
        })
    }

    /// An empty log whose first entry has the revision after `after`, in a folder that is no
    /// data folder until it is [marked](Self::mark).
    pub(super) fn begin_after(files: Arc<dyn Files>, identity: &Identity, after: Revision) -> Self {
        Self {
            files,
            room: LogRoom::new(Space::unlimited().into()),
            sync_time: Histogram::default(),
            identity: identity.clone(),
            is_marked: false,
            segments: Vec::new(),
            current: None,
            written: None,
            unnamed: None,
            begun: None,
            next: after + 1,
            chain: ChainHash::NONE,
        }
    }

    /// The same log, in a folder whose space is limited.
    pub(super) fn within(mut self, space: Arc<Space>) -> Self {
        self.room = LogRoom::new(space);
        self
    }

    /// The same log. How long it takes to make blocks durable is counted here.
    pub(super) fn timed(mut self, sync_time: Histogram) -> Self {
        self.sync_time = sync_time;
        self
    }

    /// How much room there is for entries.
    pub(super) fn room(&self) -> &LogRoom {
        &self.room
    }

    /// The revision of the first entry kept.
    pub(super) fn first(&self) -> Revision {
        self.segments.first().map_or(self.next, |name| name.first)
    }

    /// The revision of the last entry; 0 if there never was one.
    pub(super) fn last(&self) -> Revision {
        self.next - 1
    }

    /// The names of the segments, in order. If two begin at the same revision, the later one
    /// counts.
    pub(super) fn segments(&self) -> &[SegmentName] {
        &self.segments
    }

    /// Reads all entries after a revision. New entries are appended after the last of them.
    /// `known` is the block that holds the revision, if the reader knows it. If `visit` breaks,
    /// the log cannot be appended to.
    pub(super) fn replay(
        &mut self,
        after: Revision,
        known: Option<ChainPoint>,
        decoder: &Decoder,
        visit: &mut dyn FnMut(ReadBlock) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        // So that it can be opened to be read.
        self.close();
        let mut end = known;
        let next = self.read(after, known, decoder, OnLoss::Fail, &mut |block| {
            let last = block.point.last;
            end = Some(block.point);
            match visit(block) {
                ControlFlow::Continue(()) => ControlFlow::Continue(()),
                ControlFlow::Break(()) => ControlFlow::Break(last + 1),
            }
        })?;
        let through = end.map_or(after, |end| end.last.max(after));
        if next <= through && !self.identity.accepts(next, through) {
            return Err(StoreError::Lost { after });
        }
        self.next = next.max(through + 1);
        self.chain = end.map_or(ChainHash::NONE, |end| end.hash);
        Ok(())
    }

    /// Appends entries as one block. When this returns the block, all of them are durable. When
    /// this fails, none of them has a revision.
    pub(super) fn append<'a>(
        &mut self,
        entries: impl ExactSizeIterator<Item = &'a Entry>,
        now: Time,
    ) -> Result<ChainPoint, StoreError> {
        let (first, count) = (self.next, entries.len() as u64);
        let before = match self.chain {
            ChainHash::NONE if first > 1 => ChainHash::UNKNOWN,
            known => known,
        };
        self.check_place()?;
        let block = codec::encode(first, before, entries);
        let segment = self.current.as_ref().map(Segment::name);
        self.room.check(block.len(), segment)?;
        // Also after the write: an entry that is in a removed file is not durable.
        let written = self.write(&block, now).and_then(|()| self.note_place());
        if written.is_err() {
            self.close();
        }
        self.room.note(&written);
        written?;
        self.next += count;
        self.chain = before.extended(&block);
        Ok(ChainPoint {
            first,
            last: self.last(),
            hash: self.chain,
        })
    }

    /// Appends entries as versions did that stored no hash.
    #[cfg(test)]
    pub(super) fn append_unhashed<'a>(
        &mut self,
        entries: impl ExactSizeIterator<Item = &'a Entry>,
    ) -> Result<(), StoreError> {
        let count = entries.len() as u64;
        let block = codec::encode(self.next, ChainHash::NONE, entries);
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.begin(Time::MIN)?,
        };
        current.append(self.next, &block)?;
        self.current = Some(current);
        self.next += count;
        Ok(())
    }

    /// Makes the folder of the log a data folder, durably.
    pub(super) fn mark(&mut self) -> Result<(), StoreError> {
        write_identity(&*self.files, &self.identity)?;
        self.is_marked = true;
        Ok(())
    }

    /// Finds out whether entries can be made durable, without appending one.
    pub(super) fn try_to_write(&mut self, now: Time) -> Result<(), StoreError> {
        self.check_place()?;
        let segment = self.current.as_ref().map(Segment::name);
        self.room.check(0, segment)?;
        if self.current.is_none() {
            let begun = self.begin(now);
            self.room.note(&begun);
            self.current = Some(begun?);
        }
        Ok(())
    }

    /// Lets the next entry begin a new segment. Those that there are do not change any more.
    pub(super) fn seal(&mut self) -> Sealed {
        self.close();
        self.room.note_checkpoint();
        Sealed {
            segments: self.segments.iter().map(SegmentName::to_string).collect(),
            last: self.last(),
        }
    }
}
