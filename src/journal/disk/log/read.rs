//! Reads the entries of the log, segment by segment. Where entries are missing, it fails, or
//! goes on behind them.

use std::{fmt, ops::ControlFlow};

use super::{Chain, Log, ReadBlock, Take};
use crate::journal::{
    ChainPoint, Decoder, Loss, Losses, Revision, StoreError,
    codec::{self, BlockError, CodecError},
    disk::{
        remains::Remains,
        segment::{Segment, SegmentName, Trust},
    },
};

/// What a reader does about entries that are missing or cannot be read.
pub(in crate::journal::disk) enum OnLoss<'a> {
    /// It fails, unless their loss was accepted.
    Fail,
    /// It notes them, and goes on behind them.
    Note(&'a mut Losses),
}

struct Reader<'a> {
    log: &'a Log,
    decoder: &'a Decoder,
    visit: &'a mut Take<'a>,
    on_loss: OnLoss<'a>,
    chain: Chain,
    /// The first revision that was asked for.
    wanted: Revision,
    /// The revision after the last entry that was read, or the first to read.
    next: Revision,
}

impl Log {
    /// Reads the entries after a revision until `visit` breaks. Returns the revision after the
    /// last, which is not greater than `after` if the log ends before that. No segment is open
    /// for writing meanwhile.
    pub(in crate::journal::disk) fn read(
        &self,
        after: Revision,
        known: Option<ChainPoint>,
        decoder: &Decoder,
        on_loss: OnLoss<'_>,
        visit: &mut Take<'_>,
    ) -> Result<Revision, StoreError> {
        let wanted = after.saturating_add(1);
        let reader = Reader {
            log: self,
            decoder,
            // A reader takes what its caller does, for as long as it reads.
            visit: &mut |block| visit(block),
            on_loss,
            chain: Chain::after(known),
            wanted,
            next: wanted,
        };
        reader.read()
    }

    /// Checks that the segment that was begun last is there.
    fn check_end(&self) -> Result<(), StoreError> {
        let Some(file) = &self.identity.begun else {
            return Ok(());
        };
        let begun = SegmentName::parse(file);
        match begun.is_some_and(|begun| self.segments.last() >= Some(&begun)) {
            // An earlier version, which does not name it, may have begun a later one.
            true => Ok(()),
            false => Err(StoreError::End {
                file: file.clone(),
                first: begun.map_or(self.next, |begun| begun.first),
            }),
        }
    }
}

impl Reader<'_> {
    fn read(mut self) -> Result<Revision, StoreError> {
        let segments = &self.log.segments;
        let holding = segments.partition_point(|name| name.first <= self.next);
        match (holding, segments.first()) {
            (0, Some(first)) => self.pass(first.first, "before", *first, None)?,
            // The log ends before it begins.
            (0, None) => self.next = 1,
            _ => {}
        }
        for at in holding.saturating_sub(1)..segments.len() {
            let name = segments[at];
            // A later segment replaces entries of this one from its first on: they were never
            // acknowledged.
            let until = segments.get(at + 1).map(|name| name.first);
            if until != Some(name.first) && self.segment(name, until)?.is_break() {
                return Ok(self.next);
            }
        }
        if let Err(error) = self.log.check_end() {
            self.lose(self.next.max(self.wanted), None, error)?;
        }
        Ok(self.next)
    }

    /// Reads the entries of a segment below `until`; breaks if `visit` wants no more.
    fn segment(
        &mut self,
        name: SegmentName,
        until: Option<Revision>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let log = self.log;
        let mut part = Part {
            name,
            until: until.unwrap_or(Revision::MAX),
            end: name.first,
            damage: None,
            flow: ControlFlow::Continue(()),
        };
        let store = Segment::open(&*log.files, name, &log.identity, Trust::Nothing);
        let read = store.and_then(|segment| {
            let from = self.next;
            segment.blocks(from, &mut |first, block| {
                self.block(&mut part, first, block)
            })
        });
        if let Err(error) = read {
            if !self.salvages(name, &error) {
                return Err(error);
            }
            part.damage = Some(error);
            let (remains, from) = (Remains::read(&*log.files, name)?, self.next);
            remains.blocks(from, &mut |first, block| {
                self.block(&mut part, first, block)
            })?;
        }
        if let (OnLoss::Note(losses), Some(_)) = (&mut self.on_loss, &part.damage) {
            losses.damaged.push(name.to_string());
        }
        if part.flow.is_break() {
            return Ok(part.flow);
        }
        self.next = part.end;
        match (until, part.damage) {
            (Some(until), damage) if self.next < until => {
                self.pass(until, "at the end of", name, damage)?;
            }
            // Nothing tells how many entries the last segment had.
            (None, Some(damage)) if !log.identity.is_damaged(&name.to_string()) => {
                self.lose(self.next.max(self.wanted), None, damage)?;
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Takes a block of a segment. Returns whether more are wanted.
    fn block(
        &mut self,
        part: &mut Part,
        first: Revision,
        block: &[u8],
    ) -> Result<bool, StoreError> {
        let Part { name, until, .. } = *part;
        if first >= until {
            return Ok(false);
        }
        let damaged = |reason: &dyn fmt::Display| StoreError::Damaged {
            file: name.to_string(),
            reason: format!("the block of entries from revision {first} on: {reason}"),
        };
        let decoded = codec::decode(first, block, self.decoder);
        if let (Err(CodecError::Frame(error)), true) = (&decoded, self.salvages_blocks(name)) {
            part.damage = Some(damaged(error));
            return Ok(true);
        }
        let codec::Block {
            chain: before,
            mut entries,
        } = decoded.map_err(|error| match error {
            CodecError::Block(BlockError::Unappliable(entry)) => entry.into(),
            error => damaged(&error),
        })?;
        let count = entries.len() as Revision;
        let Some(last) = (first + count).checked_sub(1).filter(|last| *last < until) else {
            return Err(damaged(&"has more entries than there is room for"));
        };
        if first > self.next {
            self.pass(first, "in", name, part.damage.clone())?;
        }
        if self.chain.is_before(last) {
            part.end = last + 1;
            return Ok(true);
        }
        let point = self.chain.extend(name, (first, last), before, block)?;
        part.end = last + 1;
        if part.end > self.next {
            entries.drain(..(self.next - first.min(self.next)) as usize);
            let flow = (self.visit)(ReadBlock {
                point,
                first: first.max(self.next),
                entries,
            });
            self.next = part.end;
            if let ControlFlow::Break(next) = flow {
                self.next = next;
                part.flow = ControlFlow::Break(());
            }
        }
        Ok(part.flow.is_continue())
    }

    /// Whether the whole blocks of a segment are read, though it has this error.
    fn salvages(&self, name: SegmentName, error: &StoreError) -> bool {
        let is_unreadable = matches!(
            error,
            StoreError::Damaged { .. } | StoreError::Failed { .. }
        );
        is_unreadable && self.salvages_blocks(name)
    }

    fn salvages_blocks(&self, name: SegmentName) -> bool {
        match self.on_loss {
            OnLoss::Fail => self.log.identity.is_damaged(&name.to_string()),
            OnLoss::Note(_) => true,
        }
    }

    /// Goes on at `to`: the entries before it are missing.
    fn pass(
        &mut self,
        to: Revision,
        place: &str,
        file: SegmentName,
        damage: Option<StoreError>,
    ) -> Result<(), StoreError> {
        let (first, last) = (self.next.max(self.wanted), to - 1);
        if first <= last {
            let missing = || StoreError::missing(first, last, place, file);
            self.lose(first, Some(last), damage.unwrap_or_else(missing))?;
        }
        self.next = to;
        // What is before the gap is not known.
        self.chain = Chain::after(None);
        Ok(())
    }

    fn lose(
        &mut self,
        first: Revision,
        last: Option<Revision>,
        reason: StoreError,
    ) -> Result<(), StoreError> {
        let is_accepted = |last| self.log.identity.accepts(first, last);
        match &mut self.on_loss {
            OnLoss::Note(losses) => losses.lost.push(Loss {
                first,
                last,
                reason,
            }),
            OnLoss::Fail if last.is_some_and(is_accepted) => {}
            OnLoss::Fail => return Err(reason),
        }
        Ok(())
    }
}

/// The part of the log that a segment holds, as far as it is read.
struct Part {
    name: SegmentName,
    /// The first revision that a later segment holds.
    until: Revision,
    /// The revision after its last entry.
    end: Revision,
    /// What is wrong with it, if something is.
    damage: Option<StoreError>,
    flow: ControlFlow<()>,
}
