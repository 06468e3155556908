//! A watch: one snapshot, then every update in revision order, without a gap.
//!
//! A watcher that falls further behind than what is remembered receives a new
//! snapshot instead; it is never sent a gap. A watch holds no queue: it is a
//! place in the subject's history, and costs the same asleep or behind.

use std::{future::Future, pin::pin, sync::Arc};

use tokio::sync::futures::Notified;

use crate::{
    journal::Revision,
    roster::{
        journal_progress::JournalProgress,
        subject::{
            cell::{Cell, Subject},
            entry_changes::ChangeBatch,
            feed::Since,
            table::Hold,
        },
    },
};

/// A subscription to one subject. Ends when dropped; nothing is left behind.
#[derive(Debug)]
pub struct Watch<S: Watched> {
    progress: Arc<JournalProgress>,
    /// Dropped before the hold: it keeps a user that was watched for a while.
    source: S::Source,
    hold: Hold<S>,
    /// Everything up to here has been delivered.
    cursor: Revision,
    owed: Owed,
}

/// What a watcher receives, whatever happens to the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owed {
    Nothing,
    Snapshot(SnapshotReason),
    /// A resume that missed nothing is told so at once.
    Progress,
}

/// Why a snapshot is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SnapshotReason {
    /// The watch began without a place to resume from.
    Initial,
    /// What happened since that place is no longer remembered.
    ResumeExpired,
    /// The watcher was too slow.
    Lagged,
    /// The place is of another journal.
    EpochChanged,
    /// Too much changed at once.
    Replaced,
}

impl SnapshotReason {
    /// All of them.
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
    /// After this revision, if it is still remembered what happened since.
    After(Revision),
}

/// One step of a watch.
#[derive(Debug)]
pub enum WatchEvent<S: Watched> {
    /// The subject as a whole.
    Snapshot {
        /// Everything that touches the subject up to here is in it.
        revision: Revision,
        /// The subject.
        view: S::View,
        /// Why it is sent.
        reason: SnapshotReason,
    },
    /// What changed, oldest first; never empty.
    Changes(Arc<ChangeBatch<S::Change>>),
    /// Nothing changed up to this revision.
    Progress {
        /// Everything up to here was delivered.
        revision: Revision,
        /// The subject.
        view: S::View,
    },
}

/// A subject of which snapshots can be taken.
pub trait Watched: Subject + Sized {
    /// A snapshot, cheap to take.
    type View: std::fmt::Debug + Send;

    /// What snapshots are taken from, beside the subject. A watch keeps it, so it also
    /// says that the subject is watched, where that counts.
    type Source: std::fmt::Debug + Send + Sync;

    /// Kept while a snapshot is taken, if nothing that it depends on may change.
    type Pause<'a>;

    /// Begins such a pause. The subject is not locked yet.
    fn pause(source: &Self::Source) -> Self::Pause<'_>;

    /// Takes a snapshot.
    fn snapshot(&self, source: &Self::Source, pause: &Self::Pause<'_>) -> Self::View;
}

/// Says when a subject changes.
pub trait ChangeSignal: Send + Sync {
    /// Completes with the next change from now on.
    fn changed(&self) -> Notified<'_>;

    /// The revision of the last change. If none is remembered, there was none after it.
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

impl<S: Watched> Watch<S> {
    pub(crate) fn new(
        progress: Arc<JournalProgress>,
        source: S::Source,
        hold: Hold<S>,
        start: Start,
    ) -> Self {
        let (cursor, owed) = match start {
            Start::Snapshot(reason) => (0, Owed::Snapshot(reason)),
            Start::After(revision) => {
                let covered = hold.cell().state.lock().feed.covers(revision);
                let expired = Owed::Snapshot(SnapshotReason::ResumeExpired);
                (revision, if covered { Owed::Progress } else { expired })
            }
        };
        Self {
            progress,
            source,
            hold,
            cursor,
            owed,
        }
    }

    /// Waits for the next step. When `silence` ends before anything happens,
    /// that step is progress. Dropping the future loses nothing.
    pub async fn next(&mut self, silence: impl Future<Output = ()>) -> WatchEvent<S> {
        let mut silence = pin!(silence);
        loop {
            // In a busy room there is something as a rule, and to register for it
            // costs more than to look.
            if let Some(step) = self.try_next() {
                return step;
            }
            let cell = Arc::clone(self.hold.cell());
            // Made before looking again: a change in between completes it.
            let changed = cell.changed.notified();
            if let Some(step) = self.try_next() {
                return step;
            }
            tokio::select! {
                () = changed => {}
                () = &mut silence => self.note_silence(),
            }
        }
    }

    /// Notes that the watcher was told nothing for a while. From now on there is an
    /// event: at least progress.
    pub fn note_silence(&mut self) {
        if self.owed == Owed::Nothing {
            self.owed = Owed::Progress;
        }
    }

    /// Says when the subject changes, for one who waits for many watches.
    pub fn change_signal(&self) -> Arc<dyn ChangeSignal> {
        Arc::clone(self.hold.cell()) as Arc<dyn ChangeSignal>
    }

    /// Whether there is a next step now.
    pub fn has_next(&self) -> bool {
        self.owed != Owed::Nothing || self.hold.cell().state.lock().feed.has_after(self.cursor)
    }

    /// The next step, if there is one now.
    pub fn try_next(&mut self) -> Option<WatchEvent<S>> {
        let owed = std::mem::replace(&mut self.owed, Owed::Nothing);
        let pause = S::pause(&self.source);
        // Read before the state: whatever was applied by then is in the state.
        let applied = self.progress.applied();
        let mut state = self.hold.cell().state.lock();
        let revision = applied.max(state.feed.revision()).max(self.cursor);
        let limits = self.hold.table().feed_limits();
        let since = state.feed.since(self.cursor, limits);
        let view = || state.subject.snapshot(&self.source, &pause);
        let snapshot = |reason| WatchEvent::Snapshot {
            revision,
            view: view(),
            reason,
        };
        let step = match (owed, since) {
            (Owed::Snapshot(reason), _) => snapshot(reason),
            (_, Since::Lost) => snapshot(SnapshotReason::Lagged),
            (_, Since::Oversized) => snapshot(SnapshotReason::Replaced),
            (_, Since::Changes(batch)) => WatchEvent::Changes(batch),
            (Owed::Progress, Since::Nothing) => WatchEvent::Progress {
                revision,
                view: view(),
            },
            (Owed::Nothing, Since::Nothing) => return None,
        };
        drop((state, pause));
        self.cursor = step.revision().unwrap_or(self.cursor);
        Some(step)
    }
}

impl<S: Watched> WatchEvent<S> {
    /// The revision that a watcher is at after this step.
    fn revision(&self) -> Option<Revision> {
        match self {
            Self::Snapshot { revision, .. } | Self::Progress { revision, .. } => Some(*revision),
            Self::Changes(batch) => batch.last().map(|entry| entry.revision),
        }
    }
}
