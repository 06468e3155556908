//! How far the roster has applied its journal, and the lock that is held while an entry is
//! applied. All parts of the roster share one [`JournalProgress`].

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{domain::Time, journal::Revision, roster::watermark::Watermark};

/// How far the journal is applied.
#[derive(Debug)]
pub(crate) struct JournalProgress {
    /// Locked while an entry is applied. A read that depends on several subjects locks it too,
    /// so that it sees all of them between the same two entries. It is locked before any
    /// other lock.
    entry_lock: RwLock<()>,
    /// The last entry applied.
    applied: Watermark,
    /// The journal's time: that of the latest tick applied, in milliseconds; 0 before the first.
    /// State is forgotten by this clock, because it is the same for all readers of the journal.
    journal_time: AtomicU64,
    /// When the last entry was received, in milliseconds; 0 before the first.
    received_at: AtomicU64,
    /// The latest known time, in milliseconds. What is no state, such as history, is forgotten by
    /// this clock. The journal's time does not serve, since there may be no tick for long.
    now: AtomicU64,
    /// Whether the entries that the journal had at the start are still being applied. It
    /// changes only between two entries.
    is_replaying: AtomicBool,
    /// Whether an entry was applied in part, because the code panicked.
    is_broken: AtomicBool,
}

/// Notes a panic while an entry is applied, before the locks that are taken earlier than this are
/// released. So whoever reads a half-applied subject finds the note after it.
#[derive(Debug)]
pub(crate) struct PanicNote<'a>(&'a JournalProgress);

impl Drop for PanicNote<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.is_broken.store(true, Ordering::Release);
        }
    }
}

/// The entry lock, locked for a read. No entry is applied meanwhile.
#[derive(Debug)]
pub struct Paused<'a>(RwLockReadGuard<'a, ()>);

/// The entry lock, locked to apply an entry. No read of several subjects runs meanwhile.
#[derive(Debug)]
pub(crate) struct Applying<'a>(RwLockWriteGuard<'a, ()>);

/// Proves that the caller holds the entry lock, for a read or to apply an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryLockHeld<'a>(#[expect(dead_code, reason = "a proof")] &'a ());

impl Paused<'_> {
    pub(crate) fn held(&self) -> EntryLockHeld<'_> {
        EntryLockHeld(&self.0)
    }
}

impl Applying<'_> {
    pub(crate) fn held(&self) -> EntryLockHeld<'_> {
        EntryLockHeld(&self.0)
    }
}

impl Default for JournalProgress {
    fn default() -> Self {
        Self {
            entry_lock: RwLock::default(),
            applied: Watermark::default(),
            journal_time: AtomicU64::new(0),
            received_at: AtomicU64::new(0),
            now: AtomicU64::new(0),
            is_replaying: AtomicBool::new(true),
            is_broken: AtomicBool::new(false),
        }
    }
}

impl JournalProgress {
    /// Locks the entry lock for a read. No entry is applied until the lock is released.
    pub(crate) fn pause(&self) -> Paused<'_> {
        Paused(self.entry_lock.read())
    }

    /// Locks the entry lock to apply an entry. Waits until all reads have released it.
    pub(crate) fn begin_entry(&self) -> Applying<'_> {
        Applying(self.entry_lock.write())
    }

    /// Notes a panic from now until the note is dropped.
    pub(crate) fn note_panic(&self) -> PanicNote<'_> {
        PanicNote(self)
    }

    /// Whether an entry was applied in part.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Acquire)
    }

    /// The last revision applied.
    pub(crate) fn applied(&self) -> Revision {
        self.applied.get()
    }

    /// Waits until a revision is applied.
    pub(crate) async fn reached(&self, revision: Revision) {
        self.applied.reached(revision).await;
    }

    /// How many calls wait for a revision.
    pub(crate) fn waiting(&self) -> usize {
        self.applied.waiting()
    }

    /// Notes that the entry of a revision is applied, and when it was received.
    pub(crate) fn advance(&self, revision: Revision, received_at: Time) {
        let millis = received_at.as_millis();
        self.received_at.store(millis, Ordering::Release);
        self.note_now(received_at);
        self.applied.advance(revision);
    }

    /// The journal's time: that of the latest tick; `None` before the first.
    pub(crate) fn journal_time(&self) -> Option<Time> {
        Time::from_millis(self.journal_time.load(Ordering::Acquire))
    }

    /// Notes the time of a tick. It may be before the tick before it, whose writer's clock may
    /// have been wrong.
    pub(crate) fn set_journal_time(&self, at: Time) {
        self.journal_time.store(at.as_millis(), Ordering::Release);
    }

    /// When the last entry was received.
    pub(crate) fn received_at(&self) -> Time {
        from_millis(self.received_at.load(Ordering::Acquire))
    }

    /// The latest known time.
    pub(crate) fn now(&self) -> Time {
        from_millis(self.now.load(Ordering::Acquire))
    }

    /// Notes the time. It may go back, as a clock does that was ahead.
    pub(crate) fn note_now(&self, now: Time) {
        self.now.store(now.as_millis(), Ordering::Release);
    }

    /// Whether the entries that the journal had at the start are still being applied.
    pub(crate) fn is_replaying(&self) -> bool {
        self.is_replaying.load(Ordering::Acquire)
    }

    /// Notes that the entries that the journal had at the start are applied.
    pub(crate) fn end_replay(&self) {
        let _applying = self.begin_entry();
        self.is_replaying.store(false, Ordering::Release);
    }
}

fn from_millis(millis: u64) -> Time {
    Time::from_millis(millis).unwrap_or(Time::MIN)
}
