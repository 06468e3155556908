//! A watch: it delivers one snapshot, then every change in the order of revisions, without a
//! gap.
//!
//! A watcher that is so slow that changes it has not read are forgotten gets a new snapshot
//! instead of them. A watch has no queue: it is a position in the subject's history. So it
//! takes the same memory whether it waits for changes or is behind.

use std::{future::Future, pin::pin, sync::Arc};

use tokio::sync::futures::Notified;

use crate::{
    journal::Revision,
    roster::{
        journal_progress::JournalProgress,
        subject::{
            cell::{Cell, Subject},
            entry_changes::ChangeBatch,
            feed::ChangesSince,
            table::Hold,
        },
    },
};

/// A subscription to one subject. It ends when it is dropped.
#[derive(Debug)]
pub struct Watch<S: Watchable> {
    progress: Arc<JournalProgress>,
    /// It is dropped before the hold, because its drop keeps the user remembered for a while.
    source: S::Source,
    hold: Hold<S>,
    /// The revision up to which everything was delivered.
    cursor: Revision,
    pending: Pending,
}

/// What a watch delivers next even if the subject does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Nothing,
    Snapshot(SnapshotReason),
    /// Progress: after a resume that missed nothing, or after a time without messages.
    Progress,
}

/// Why a snapshot is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SnapshotReason {
    /// The watch began without a revision to resume from.
    Initial,
    /// The changes since the revision to resume from are not remembered any more.
    ResumeExpired,
    /// The watcher was too slow.
    Lagged,
    /// The revision to resume from is of another journal.
    EpochChanged,
    /// One entry changed too much to be sent as changes.
    Replaced,
}

impl SnapshotReason {
    /// All reasons.
    pub const ALL: [Self; 5] = [
        Self::Initial,
        Self::ResumeExpired,
        Self::Lagged,
        Self::EpochChanged,
        Self::Replaced,
    ];
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With a snapshot.
    Snapshot(SnapshotReason),
    /// After this revision, if all changes since then are remembered.
    After(Revision),
}

/// What a watch delivers.
#[derive(Debug)]
pub enum WatchEvent<S: Watchable> {
    /// The whole subject.
    Snapshot {
        /// The snapshot contains every entry up to this revision.
        revision: Revision,
        /// The subject.
        view: S::View,
        /// Why it is sent.
        reason: SnapshotReason,
    },
    /// The changes of one or more entries, oldest first.
    Changes(Arc<ChangeBatch<S::Change>>),
    /// Nothing changed up to this revision.
    Progress {
        /// Everything up to this revision was delivered.
        revision: Revision,
        /// The subject.
        view: S::View,
    },
}

/// What a watch has to deliver, when it is asked to wait with what is large.
#[derive(Debug)]
pub enum Due<S: Watchable> {
    /// A small event.
    Event(WatchEvent<S>),
    /// A snapshot, or many changes: [`Watch::try_next`] takes them.
    Large,
}

/// A subject of which snapshots can be taken.
pub trait Watchable: Subject + Sized {
    /// A snapshot of the subject. It is cheap to take.
    type View: std::fmt::Debug + Send;

    /// What snapshots are taken from, beside the subject. A watch keeps it, so it can also
    /// mark the subject as watched.
    type Source: std::fmt::Debug + Send + Sync;

    /// Kept while a snapshot is taken, so that what the snapshot depends on does not change.
    type Pause<'a>;

    /// Begins a pause. It is called before the subject is locked.
    fn pause(source: &Self::Source) -> Self::Pause<'_>;

    /// Takes a snapshot.
    fn snapshot(&self, source: &Self::Source, pause: &Self::Pause<'_>) -> Self::View;
}

/// Signals the changes of one subject.
pub trait ChangeSignal: Send + Sync {
    /// Completes with the next change from now on.
    fn changed(&self) -> Notified<'_>;

    /// The revision of the last change, or a later one. No change came after it.
    fn last_change(&self) -> Revision;
}

impl<S: Subject> ChangeSignal for Cell<S> {
    fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    fn last_change(&self) -> Revision {
        self.state.lock().feed.last_change()
    }
}

impl<S: Watchable> Watch<S> {
    pub(crate) fn new(
        progress: Arc<JournalProgress>,
        source: S::Source,
        hold: Hold<S>,
        start: Start,
    ) -> Self {
        let (cursor, pending) = match start {
            Start::Snapshot(reason) => (0, Pending::Snapshot(reason)),
            Start::After(revision) => {
                let covered = hold.cell().state.lock().feed.covers(revision);
                let expired = Pending::Snapshot(SnapshotReason::ResumeExpired);
                (revision, if covered { Pending::Progress } else { expired })
            }
        };
        Self {
            progress,
            source,
            hold,
            cursor,
            pending,
        }
    }

    /// Waits for the next event. If `idle` completes before there is one, the event is
    /// progress. To drop the future loses nothing.
    pub async fn next(&mut self, idle: impl Future<Output = ()>) -> WatchEvent<S> {
        let mut idle = pin!(idle);
        loop {
            if let Due::Event(event) = self.due(usize::MAX, &mut idle).await {
                return event;
            }
            if let Some(event) = self.try_next() {
                return event;
            }
        }
    }

    /// The same, but leaves a snapshot and changes of more than `bytes_max` estimated bytes where
    /// they are, and takes no memory for them. So its caller can wait until there is room.
    pub async fn due(&mut self, bytes_max: usize, idle: impl Future<Output = ()>) -> Due<S> {
        let mut idle = pin!(idle);
        loop {
            // Checked before registering for a change, because in a busy room there usually is
            // an event, and to register costs more.
            if let Some(due) = self.try_due(bytes_max) {
                return due;
            }
            let cell = Arc::clone(self.hold.cell());
            // Created before the next check, so that a change in between completes it.
            let changed = cell.changed.notified();
            if let Some(due) = self.try_due(bytes_max) {
                return due;
            }
            tokio::select! {
                () = changed => {}
                () = &mut idle => self.request_progress(),
            }
        }
    }

    /// Makes the watch deliver an event at once: progress, if there is nothing else.
    pub fn request_progress(&mut self) {
        if self.pending == Pending::Nothing {
            self.pending = Pending::Progress;
        }
    }

    /// The signal of the subject's changes. All watches of the subject return the same one.
    pub fn change_signal(&self) -> Arc<dyn ChangeSignal> {
        Arc::clone(self.hold.cell()) as Arc<dyn ChangeSignal>
    }

    /// Whether there is an event now.
    pub fn has_next(&self) -> bool {
        self.pending != Pending::Nothing
            || self.hold.cell().state.lock().feed.has_after(self.cursor)
    }

    /// The next event, if there is one now.
    pub fn try_next(&mut self) -> Option<WatchEvent<S>> {
        if let Pending::Snapshot(reason) = self.pending {
            return Some(self.snapshot(reason));
        }
        match self.try_due(usize::MAX)? {
            Due::Event(event) => Some(event),
            // It is found out now that changes are lost.
            Due::Large => self.try_next(),
        }
    }

    fn snapshot(&mut self, reason: SnapshotReason) -> WatchEvent<S> {
        self.pending = Pending::Nothing;
        let pause = S::pause(&self.source);
        // Read before the state is locked, so that the state contains every entry up to it.
        let applied = self.progress.applied();
        let state = self.hold.cell().state.lock();
        let revision = applied.max(state.feed.revision()).max(self.cursor);
        let view = state.subject.snapshot(&self.source, &pause);
        drop((state, pause));
        self.cursor = revision;
        WatchEvent::Snapshot {
            revision,
            view,
            reason,
        }
    }

    /// What there is now, but no snapshot, and no changes of more than `bytes_max`.
    fn try_due(&mut self, bytes_max: usize) -> Option<Due<S>> {
        if let Pending::Snapshot(_) = self.pending {
            return Some(Due::Large);
        }
        let pause = S::pause(&self.source);
        // Read before the state is locked, so that the state contains every entry up to it.
        let applied = self.progress.applied();
        let mut state = self.hold.cell().state.lock();
        let revision = applied.max(state.feed.revision()).max(self.cursor);
        let limits = self.hold.table().feed_limits();
        let since = state.feed.since(self.cursor, limits);
        let event = match since {
            ChangesSince::Lost => {
                self.pending = Pending::Snapshot(SnapshotReason::Lagged);
                return Some(Due::Large);
            }
            ChangesSince::Oversized => {
                self.pending = Pending::Snapshot(SnapshotReason::Replaced);
                return Some(Due::Large);
            }
            ChangesSince::Changes(batch) if batch.bytes() > bytes_max => return Some(Due::Large),
            ChangesSince::Changes(batch) => WatchEvent::Changes(batch),
            ChangesSince::Nothing if self.pending == Pending::Nothing => return None,
            ChangesSince::Nothing => WatchEvent::Progress {
                revision,
                view: state.subject.snapshot(&self.source, &pause),
            },
        };
        drop((state, pause));
        self.pending = Pending::Nothing;
        self.cursor = event.revision().unwrap_or(self.cursor);
        Some(Due::Event(event))
    }
}

impl<S: Watchable> WatchEvent<S> {
    /// The revision that a watcher is at after this event.
    fn revision(&self) -> Option<Revision> {
        match self {
            Self::Snapshot { revision, .. } | Self::Progress { revision, .. } => Some(*revision),
            Self::Changes(batch) => batch.last().map(|entry| entry.revision),
        }
    }
}
