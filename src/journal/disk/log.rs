//! The log: all entries still kept, as a row of segments.

use std::{ops::ControlFlow, sync::Arc};

use super::segment::{Segment, SegmentName, Trust};
use crate::{
    domain::Time,
    journal::{
        Entry, Epoch, Revision, StoreError,
        codec::{self, CodecError},
        folder::Files,
    },
};

/// Bytes in a segment before the next is begun. After a crash, a segment is
/// checked as a whole when it is opened, so this bounds how long that takes; and
/// what is no longer needed is dropped by the segment.
const SEGMENT_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Takes an entry; says whether it wants more.
pub(super) type Take<'a> = dyn FnMut(Revision, Entry) -> ControlFlow<()> + 'a;

/// The entries of a journal on disk, in the order of their revisions.
#[derive(Debug)]
pub(super) struct Log {
    files: Arc<dyn Files>,
    epoch: Epoch,
    /// In order.
    segments: Vec<SegmentName>,
    /// The segment that is being written to: the last, once there is one that this
    /// process created and that has not failed.
    current: Option<Segment>,
    /// The segment that was begun last, or was tried to.
    begun: Option<SegmentName>,
    /// The revision of the next entry.
    next: Revision,
}

impl Log {
    /// Finds the segments of a folder. To be [replayed](Self::replay) before it is
    /// appended to.
    pub(super) fn open(files: Arc<dyn Files>, epoch: Epoch) -> Result<Self, StoreError> {
        let names = files.list().map_err(StoreError::folder)?;
        let mut segments: Vec<SegmentName> = names
            .iter()
            .filter_map(|name| SegmentName::parse(name))
            .collect();
        segments.sort_unstable();
        let begun = segments.last().copied();
        Ok(Self {
            files,
            epoch,
            segments,
            current: None,
            begun,
            next: 1,
        })
    }

    /// An empty log whose first entry is the one after a revision.
    pub(super) fn begin_after(files: Arc<dyn Files>, epoch: Epoch, after: Revision) -> Self {
        Self {
            files,
            epoch,
            segments: Vec::new(),
            current: None,
            begun: None,
            next: after + 1,
        }
    }

    /// The revision of the first entry kept.
    pub(super) fn first(&self) -> Revision {
        self.segments.first().map_or(self.next, |name| name.first)
    }

    /// The revision of the last entry; 0 if there never was one.
    pub(super) fn last(&self) -> Revision {
        self.next - 1
    }

    /// Where its segments begin, in order. Of two that begin at one place, the later
    /// counts.
    pub(super) fn segments(&self) -> &[SegmentName] {
        &self.segments
    }

    /// Reads all entries after a revision, up to the last, to be appended to from
    /// there.
    pub(super) fn replay(
        &mut self,
        after: Revision,
        visit: &mut dyn FnMut(Revision, Entry),
    ) -> Result<(), StoreError> {
        // Sealed: what follows is read as anybody would find it.
        self.current = None;
        let next = self.read(after, &mut |revision, entry| {
            visit(revision, entry);
            ControlFlow::Continue(())
        })?;
        if next <= after {
            return Err(StoreError::Lost { after });
        }
        self.next = next;
        Ok(())
    }

    /// Reads all entries after a revision, until `visit` has enough. Returns the
    /// revision after the last, which is no later than `after` if the log ends
    /// before that. Nothing is being written meanwhile.
    pub(super) fn read(
        &self,
        after: Revision,
        visit: &mut Take<'_>,
    ) -> Result<Revision, StoreError> {
        let mut next = after.saturating_add(1);
        let from = self.segments.partition_point(|name| name.first <= next);
        let Some(from) = from.checked_sub(1) else {
            return match self.segments.first() {
                Some(first) => Err(StoreError::missing(next, first.first - 1, "before", first)),
                None => Ok(1),
            };
        };
        for at in from..self.segments.len() {
            let name = self.segments[at];
            // Entries that a later segment begins with again were never acknowledged.
            let until = self.segments.get(at + 1).map(|name| name.first);
            if until != Some(name.first) {
                next = match self.read_segment(name, next, until, visit)? {
                    ControlFlow::Continue(next) => next,
                    ControlFlow::Break(next) => return Ok(next),
                };
            }
            if let Some(until) = until.filter(|until| next < *until) {
                return Err(StoreError::missing(next, until - 1, "at the end of", name));
            }
        }
        Ok(next)
    }

    /// Reads the entries of a segment from `next` on. Returns the revision after
    /// the last, and whether more are wanted.
    fn read_segment(
        &self,
        name: SegmentName,
        mut next: Revision,
        until: Option<Revision>,
        visit: &mut Take<'_>,
    ) -> Result<ControlFlow<Revision, Revision>, StoreError> {
        let until = until.unwrap_or(Revision::MAX);
        let segment = Segment::open(&*self.files, name, self.epoch, Trust::Nothing)?;
        // What the segment itself says of where it ends.
        let mut end = name.first;
        let mut flow = ControlFlow::Continue(());
        segment.blocks(next, &mut |first, block| {
            if first >= until {
                return Ok(false);
            }
            if first > next {
                return Err(StoreError::missing(next, first - 1, "in", name));
            }
            let damaged = |reason: &CodecError| StoreError::Damaged {
                file: name.to_string(),
                reason: format!("the block of entries from revision {first} on: {reason}"),
            };
            let entries = codec::decode(first, block).map_err(|error| damaged(&error))?;
            for (entry, revision) in entries.into_iter().zip(first..until) {
                end = revision + 1;
                if revision >= next {
                    flow = visit(revision, entry);
                    next = revision + 1;
                }
                if flow.is_break() {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        Ok(match flow {
            ControlFlow::Continue(()) => ControlFlow::Continue(end),
            ControlFlow::Break(()) => ControlFlow::Break(end),
        })
    }

    /// Adds entries. When this returns, they are durable, under the revisions from
    /// the one returned on; when it fails, none of them has a revision.
    pub(super) fn append<'a>(
        &mut self,
        entries: impl ExactSizeIterator<Item = &'a Entry>,
        now: Time,
    ) -> Result<Revision, StoreError> {
        let (first, count) = (self.next, entries.len() as u64);
        let block = codec::encode(first, entries);
        let current = match self.current.take() {
            Some(current) if current.bytes() < SEGMENT_BYTES_MAX => Ok(current),
            _ => self.begin(now),
        };
        // After a failure it is left alone: see the module `segment`.
        let mut current = current?;
        current.append(first, &block)?;
        self.current = Some(current);
        self.next += count;
        Ok(first)
    }

    fn begin(&mut self, now: Time) -> Result<Segment, StoreError> {
        // One that failed may be there all the same: of two that begin at one
        // place, the later counts.
        let first = self.next;
        let replaced = self.begun.filter(|begun| begun.first == first);
        let after = replaced.map(|begun| begun.created_at.saturating_add(SegmentName::RESOLUTION));
        let created_at = now.max(after.unwrap_or(now));
        let name = SegmentName { first, created_at };
        self.begun = Some(name);
        let segment = Segment::create(&*self.files, name, self.epoch)?;
        self.segments.push(name);
        Ok(segment)
    }

    /// Finds out whether entries can be made durable, without one.
    pub(super) fn try_to_write(&mut self, now: Time) -> Result<(), StoreError> {
        if self.current.is_none() {
            self.current = Some(self.begin(now)?);
        }
        Ok(())
    }

    /// Lets the next entry begin a new segment.
    pub(super) fn seal(&mut self) {
        self.current = None;
    }

    /// Drops whole segments, of entries before `from` that were received before
    /// `until`. Returns how many.
    pub(super) fn drop_before(&mut self, from: Revision, until: Time) -> Result<usize, StoreError> {
        // All entries of a segment are from before any of the next ones was begun, even
        // if the clock was wrong for one of them.
        let is_old = |later: &[SegmentName]| later.iter().any(|name| name.created_at <= until);
        let is_covered =
            |later: &[SegmentName]| later.first().is_some_and(|next| next.first <= from);
        let later = (1..self.segments.len()).map(|at| &self.segments[at..]);
        let droppable = later.take_while(|later| is_covered(later) && is_old(later));
        let count = droppable.count();
        for name in &self.segments[..count] {
            let file = name.to_string();
            match self.files.remove(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::failed(&file, error));
                }
                _ => {}
            }
        }
        self.segments.drain(..count);
        if count > 0 {
            // Of a row of which some came back, a part would be missing.
            self.files.sync().map_err(StoreError::folder)?;
        }
        Ok(count)
    }
}
