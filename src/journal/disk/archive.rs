//! Reads the entries of a data folder that no journal is writing to.
//!
//! Nothing is added to the folder. But when the store opens a segment that was not closed
//! properly, it repairs the segment's file, as it does for a journal. So the folder has to be
//! writable.

use std::{ops::ControlFlow, sync::Arc};

use super::log::{Log, OnLoss, ReadBlock};
use crate::journal::{
    ChainPoint, DataFolder, Decoder, Entry, FolderFile, Loss, Losses, OpenError, Payload, Revision,
    StoreError,
};

/// The entries of a data folder.
#[derive(Debug)]
pub struct Archive {
    folder: DataFolder,
    log: Log,
    decoder: Decoder,
}

impl Archive {
    /// Finds the segments of a folder. Damage shows when they are [read](Self::read).
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn open(folder: &DataFolder, decoder: Decoder) -> Result<Self, OpenError> {
        let log = Log::open(Arc::clone(folder.files()), folder.identity());
        Ok(Self {
            folder: folder.clone(),
            log: log.map_err(|source| OpenError::store(folder.path(), source))?,
            decoder: decoder.quarantining(&folder.identity().quarantined),
        })
    }

    /// The folder.
    pub fn folder(&self) -> &DataFolder {
        &self.folder
    }

    /// The revision of the first entry that is kept; 1 if there never was one.
    pub fn first(&self) -> Revision {
        self.log.first()
    }

    /// Reads the entries after a revision, in their order, until `visit` breaks. Returns the
    /// revision after the last entry read; if the journal ends before `after`, the revision
    /// after its end. Checks every page of a segment before it hands over the segment's first
    /// entry. Blocks.
    ///
    /// # Errors
    /// When an entry is missing or a segment cannot be read. Entries before that were handed
    /// over.
    pub fn read(
        &self,
        after: Revision,
        visit: &mut dyn FnMut(Revision, Entry) -> ControlFlow<()>,
    ) -> Result<Revision, StoreError> {
        self.read_or(OnLoss::Fail, after, visit)
    }

    /// Reads as [`read`](Self::read) does, but goes on behind what is missing or damaged, and
    /// notes it. Of a damaged segment every block is read whose bytes are whole.
    ///
    /// # Errors
    /// When something else is wrong: a file is of another journal, or of another version.
    pub fn salvage(
        &self,
        after: Revision,
        losses: &mut Losses,
        visit: &mut dyn FnMut(Revision, Entry) -> ControlFlow<()>,
    ) -> Result<Revision, StoreError> {
        self.read_or(OnLoss::Note(losses), after, visit)
    }

    fn read_or(
        &self,
        on_loss: OnLoss<'_>,
        after: Revision,
        visit: &mut dyn FnMut(Revision, Entry) -> ControlFlow<()>,
    ) -> Result<Revision, StoreError> {
        let mut visit_block = |block: ReadBlock| {
            for (entry, revision) in block.entries.into_iter().zip(block.first..) {
                if visit(revision, entry).is_break() {
                    return ControlFlow::Break(revision + 1);
                }
            }
            ControlFlow::Continue(())
        };
        let (log, decoder) = (&self.log, &self.decoder);
        log.read(after, None, decoder, on_loss, &mut visit_block)
    }

    /// What a start would lack that goes on from a checkpoint at `after`, or from nothing at 0,
    /// apart from what was accepted before. `known` is the checkpoint's last block. Reads everything after it. Blocks.
    ///
    /// # Errors
    /// As [`salvage`](Self::salvage).
    pub fn losses(&self, after: Revision, known: Option<ChainPoint>) -> Result<Losses, StoreError> {
        let mut losses = Losses::default();
        let mut through = known.map_or(after, |known| known.last.max(after));
        let on_loss = OnLoss::Note(&mut losses);
        let next = self
            .log
            .read(after, known, &self.decoder, on_loss, &mut |block| {
                through = block.point.last;
                ControlFlow::Continue(())
            })?;
        if next <= through {
            losses.lost.push(Loss {
                first: next,
                last: Some(through),
                reason: StoreError::Lost { after },
            });
        }
        let identity = self.folder.identity();
        losses.damaged.retain(|file| !identity.is_damaged(file));
        losses.lost.retain(|loss| {
            let is_accepted = |last| identity.accepts(loss.first, last);
            !loss.last.is_some_and(is_accepted)
        });
        Ok(losses)
    }

    /// Lets the journal go on without the effect of entries, under a new epoch: watchers may have
    /// seen a part of it. The entries are kept. The folder has to be used as it is returned.
    ///
    /// # Errors
    /// When one of them is no callback of the journal, or the folder cannot be written to. A tick
    /// cannot be quarantined: what it let be forgotten would be due at the next.
    pub fn quarantine(self, revisions: &[Revision]) -> Result<DataFolder, OpenError> {
        let failed = |source| OpenError::store(self.folder.path(), source);
        // What they mean does not matter, and others of their block may panic too.
        let decoder = Decoder::of_nothing();
        for revision in revisions {
            let mut is_callback = false;
            let mut look = |block: ReadBlock| {
                let first = block.entries.first();
                is_callback = block.first == *revision
                    && first.is_some_and(|entry| matches!(entry.payload, Payload::Callback(_)));
                ControlFlow::Break(block.point.last + 1)
            };
            let before = revision.saturating_sub(1);
            let read = self
                .log
                .read(before, None, &decoder, OnLoss::Fail, &mut look);
            match read.map_err(failed) {
                Ok(_) if is_callback => {}
                Ok(_) => {
                    return Err(failed(StoreError::NoCallback {
                        revision: *revision,
                    }));
                }
                Err(error) => return Err(error),
            }
        }
        self.folder.quarantine(revisions).map_err(failed)
    }

    /// Lets the journal go on without what it lost, and begins a new epoch if entries are lost.
    /// The folder has to be used as it is returned.
    ///
    /// # Errors
    /// When the folder cannot be written to. Then nothing is accepted, or all is.
    pub fn accept(self, losses: &Losses) -> Result<DataFolder, OpenError> {
        let last = self.log.segments().last().map(ToString::to_string);
        let accepted = self.folder.accept(losses, last);
        accepted.map_err(|source| OpenError::store(self.folder.path(), source))
    }

    /// The segments, in the order of their revisions. If two begin at the same revision,
    /// the later one counts.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn segments(&self) -> Result<Vec<FolderFile>, StoreError> {
        let names = self.log.segments().iter();
        names
            .map(|name| self.folder.file(name.to_string(), name.first))
            .collect()
    }
}
