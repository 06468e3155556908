//! A watcher's copy of what it watches, made of the messages of a stream.
//!
//! [`CopyOf::apply`] checks each message against the stream's contract: revisions rise,
//! snapshots are whole, changes fit the copy, and the digest matches. So a complete copy is
//! what the server has at its revision, or a [`Violation`] was returned.

use crate::{
    pb::{self, SnapshotReason},
    subject::{Parsed, ParsedUpdate, Subject},
    violation::Violation,
};

/// A copy of what is watched.
///
/// ```text
/// let token = copy.open();            // begin a stream with this resume token
/// copy.apply(&message)?;              // for each message of the stream
/// ```
///
/// When the stream breaks, call [`open`](Self::open) for the next. After a violation it
/// returns an empty token, so the next stream begins with a snapshot.
#[derive(Clone, Debug, Default)]
pub struct CopyOf<S> {
    pub(crate) subject: S,
    revision: u64,
    resume_token: String,
    phase: Phase,
}

/// How much of the subject the copy holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Nothing that can be relied on: a snapshot must come next.
    #[default]
    Void,
    /// Some parts of a snapshot.
    Partial,
    /// All of it.
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

    /// Begins a stream. Returns the resume token to ask for the stream with. The token is
    /// empty if the copy is not complete.
    pub fn open(&mut self) -> &str {
        if self.phase != Phase::Complete {
            self.clear();
        }
        &self.resume_token
    }

    /// Folds the next message of the stream in. Returns what it did.
    ///
    /// # Errors
    /// When the message breaks the contract. Then the copy is void, though its content can
    /// still be read, and the stream should be given up.
    pub fn apply<'m>(
        &mut self,
        message: &'m S::Message,
    ) -> Result<Folded<'m, S::Change>, Violation> {
        let folded = S::parse(message).and_then(|parsed| self.fold(parsed));
        if folded.is_err() {
            self.phase = Phase::Void;
            self.resume_token.clear();
        }
        folded
    }

    /// Whether this is a whole copy. It is not before the last part of a snapshot came,
    /// and not after a violation.
    pub fn is_complete(&self) -> bool {
        self.phase == Phase::Complete
    }

    /// Whether both hold the same. What no change tells of is not compared.
    pub fn is_same(&self, other: &Self) -> bool {
        self.subject.is_same(&other.subject)
    }

    /// The revision that the copy is at.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Resumes a stream after this copy. Empty if the copy is not complete.
    pub fn resume_token(&self) -> &str {
        &self.resume_token
    }

    fn fold<'m>(&mut self, parsed: Parsed<'m, S>) -> Result<Folded<'m, S::Change>, Violation> {
        let (before, now) = (self.revision, parsed.revision);
        match parsed.update {
            ParsedUpdate::Part {
                part,
                reason,
                complete,
            } => {
                if complete == parsed.resume_token.is_empty() {
                    return Err(Violation::ResumeToken { present: !complete });
                }
                self.begin_part(part, now, reason)?;
                self.subject.add(part)?;
                if !complete {
                    return Ok(Folded::Part);
                }
                self.phase = Phase::Complete;
                self.advance(&parsed);
                Ok(Folded::Snapshot(reason))
            }
            ParsedUpdate::Changes(changes) => {
                self.check_goes_on(&parsed)?;
                if now <= before {
                    return Err(Violation::ChangesNotAbove { before, now });
                }
                changes
                    .iter()
                    .try_for_each(|change| self.subject.change(change))?;
                self.advance(&parsed);
                Ok(Folded::Changes(changes))
            }
            ParsedUpdate::Progress(progress) => {
                self.check_goes_on(&parsed)?;
                if now < before {
                    return Err(Violation::RevisionBack { before, now });
                }
                self.confirm(progress)?;
                self.advance(&parsed);
                Ok(Folded::Confirmed)
            }
        }
    }

    /// Checks that something else than a snapshot may come now.
    fn check_goes_on(&self, parsed: &Parsed<'_, S>) -> Result<(), Violation> {
        match self.phase {
            Phase::Void => Err(Violation::SnapshotExpected),
            Phase::Partial => Err(Violation::SnapshotCut(self.revision)),
            Phase::Complete if parsed.resume_token.is_empty() => {
                Err(Violation::ResumeToken { present: false })
            }
            Phase::Complete => Ok(()),
        }
    }

    /// Checks that a part may come now. The first part of a snapshot begins a new copy.
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
            // A new epoch is another journal, which counts from 1 again.
            if now < before && reason != SnapshotReason::EpochChanged {
                return Err(Violation::RevisionBack { before, now });
            }
            self.clear();
        }
        self.phase = Phase::Partial;
        self.revision = now;
        Ok(())
    }

    fn advance(&mut self, parsed: &Parsed<'_, S>) {
        self.revision = parsed.revision;
        parsed.resume_token.clone_into(&mut self.resume_token);
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
