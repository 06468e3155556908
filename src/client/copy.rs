//! A watcher's copy of what it watches, made of the messages of a stream.
//!
//! Folding a message in checks it against the stream's contract: revisions that
//! rise, snapshots that are whole, changes that fit what is there, and a digest
//! that matches. A copy that is complete is what the server has, or a
//! [`Violation`] said that it is not.

mod subject;
mod violation;

use std::hash::Hasher as _;

use fnv::FnvHasher;

use crate::pb::{self, SnapshotReason};

pub use self::{
    subject::{Opening, Read, Subject, Update},
    violation::{Missing, Violation},
};

/// A copy of what is watched.
///
/// ```text
/// let token = copy.open();            // a stream begins: send this token
/// copy.apply(&message)?;              // for each of its messages
/// ```
///
/// When the stream breaks, [`open`](Self::open) the next. After a violation that
/// gives no token, so the next stream begins with a snapshot.
#[derive(Clone, Debug, Default)]
pub struct CopyOf<S> {
    pub(super) subject: S,
    revision: u64,
    resume_token: String,
    phase: Phase,
}

/// What the copy is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Nothing: it takes a snapshot next.
    #[default]
    Void,
    /// Some parts of a snapshot.
    Partial,
    /// All.
    Complete,
}

/// What a message did to a copy.
#[derive(Debug, PartialEq)]
pub enum Folded<'m, C = pb::RoomChange> {
    /// It began or continued a new copy, which is not complete yet.
    Part,
    /// It completed a new copy.
    Snapshot(SnapshotReason),
    /// It changed the copy.
    Changes(&'m [C]),
    /// It confirmed that the copy is right.
    Confirmed,
}

// === impl CopyOf ===

impl<S: Subject> CopyOf<S> {
    /// A copy of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a stream. Returns the resume token to ask for it with: empty, if
    /// the copy is not complete.
    pub fn open(&mut self) -> &str {
        if self.phase != Phase::Complete {
            self.clear();
        }
        &self.resume_token
    }

    /// Folds the next message of the stream in. Returns what it did.
    ///
    /// # Errors
    /// When the message breaks the contract. Then the copy is void (what it was
    /// can still be looked at), and the stream should be given up.
    pub fn apply<'m>(
        &mut self,
        message: &'m S::Message,
    ) -> Result<Folded<'m, S::Change>, Violation> {
        let folded = S::read(message).and_then(|read| self.fold(read));
        if folded.is_err() {
            self.phase = Phase::Void;
            self.resume_token.clear();
        }
        folded
    }

    /// Whether this is a whole copy: not before the last part of a snapshot, and
    /// not after a violation.
    pub fn is_complete(&self) -> bool {
        self.phase == Phase::Complete
    }

    /// Whether both hold the same, but for what no change tells of.
    pub fn is_same(&self, other: &Self) -> bool {
        self.subject.is_same(&other.subject)
    }

    /// The revision that the copy is at.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Where a stream can go on from; empty if the copy is not complete.
    pub fn resume_token(&self) -> &str {
        &self.resume_token
    }

    fn fold<'m>(&mut self, read: Read<'m, S>) -> Result<Folded<'m, S::Change>, Violation> {
        let (before, now) = (self.revision, read.revision);
        match read.update {
            Update::Part {
                part,
                reason,
                complete,
            } => {
                if complete == read.resume_token.is_empty() {
                    return Err(Violation::ResumeToken { present: !complete });
                }
                self.begin_part(part, now, reason)?;
                self.subject.add(part)?;
                if !complete {
                    return Ok(Folded::Part);
                }
                self.phase = Phase::Complete;
                self.advance(&read);
                Ok(Folded::Snapshot(reason))
            }
            Update::Changes(changes) => {
                self.check_goes_on(&read)?;
                if now <= before {
                    return Err(Violation::ChangesNotAbove { before, now });
                }
                changes
                    .iter()
                    .try_for_each(|change| self.subject.change(change))?;
                self.advance(&read);
                Ok(Folded::Changes(changes))
            }
            Update::Progress(progress) => {
                self.check_goes_on(&read)?;
                if now < before {
                    return Err(Violation::RevisionBack { before, now });
                }
                self.confirm(progress)?;
                self.advance(&read);
                Ok(Folded::Confirmed)
            }
        }
    }

    /// Whether anything but a snapshot may come now.
    fn check_goes_on(&self, read: &Read<'_, S>) -> Result<(), Violation> {
        match self.phase {
            Phase::Void => Err(Violation::SnapshotExpected),
            Phase::Partial => Err(Violation::SnapshotCut(self.revision)),
            Phase::Complete if read.resume_token.is_empty() => {
                Err(Violation::ResumeToken { present: false })
            }
            Phase::Complete => Ok(()),
        }
    }

    /// Makes room for a part: the first one begins a new copy.
    fn begin_part(
        &mut self,
        part: &S::Part,
        now: u64,
        reason: SnapshotReason,
    ) -> Result<(), Violation> {
        let before = self.revision;
        if self.phase == Phase::Partial {
            if now != before || !self.subject.is_continued_by(part) {
                return Err(Violation::PartsDiffer { before, part: now });
            }
        } else {
            // Another journal counts from 1 again.
            if now < before && reason != SnapshotReason::EpochChanged {
                return Err(Violation::RevisionBack { before, now });
            }
            self.clear();
        }
        self.phase = Phase::Partial;
        self.revision = now;
        Ok(())
    }

    fn advance(&mut self, read: &Read<'_, S>) {
        self.revision = read.revision;
        read.resume_token.clone_into(&mut self.resume_token);
    }

    fn confirm(&self, progress: pb::Progress) -> Result<(), Violation> {
        let (count, digest) = self.subject.tally();
        let pb::Progress {
            user_count: server_count,
            digest: server_digest,
        } = progress;
        if (server_count, server_digest) == (count, digest) {
            return Ok(());
        }
        Err(Violation::Drift {
            count,
            digest,
            server_count,
            server_digest,
        })
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// What one session of a user adds to a digest.
pub(super) fn hash(user_id: &str, session_id: &str) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(user_id.as_bytes());
    hasher.write(&[0]);
    hasher.write(session_id.as_bytes());
    hasher.finish()
}

pub(super) fn does_not_fit(change: &str, id: &str, present: bool) -> Violation {
    Violation::DoesNotFit {
        change: format!("{change} of {id:?}"),
        present,
    }
}

/// A part of a message that must be there.
pub(super) fn there<T>(part: &Option<T>, missing: Missing) -> Result<&T, Violation> {
    part.as_ref().ok_or(Violation::Missing(missing))
}
