//! What can be wrong with a stored message.

use crate::{domain::Time, reconcile::InvalidEvidence};

/// What is wrong with a stored message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub(crate) struct StoredError {
    /// The field at fault, as `Message.field`.
    pub(crate) field: &'static str,
    /// What is wrong with it.
    pub(crate) problem: &'static str,
}

impl StoredError {
    pub(crate) fn new(field: &'static str, problem: &'static str) -> Self {
        Self { field, problem }
    }
}

impl From<InvalidEvidence> for StoredError {
    fn from(invalid: InvalidEvidence) -> Self {
        let (field, problem) = match invalid {
            InvalidEvidence::DuplicateIncarnation => {
                ("Incarnation.incarnation_id", "is there twice")
            }
            InvalidEvidence::UnknownIncarnation => {
                ("RoomUsers.incarnation_id", "is not among those of the room")
            }
            InvalidEvidence::ClosedIncarnationWithUsers => {
                ("Incarnation.users", "are there, though it is closed")
            }
            InvalidEvidence::DuplicateUser => ("Sessions.user_id", "is there twice"),
            InvalidEvidence::UserWithoutSessions => ("Sessions.sessions", "is missing"),
            InvalidEvidence::DuplicateSession => ("Session.session_id", "is there twice"),
            InvalidEvidence::TooManyRuns => ("Seqs.runs", "has too many"),
            InvalidEvidence::RunsOutOfOrder => ("Seqs.runs", "do not ascend, or touch"),
            InvalidEvidence::MoreSeenThanInRuns => ("Seqs.seen", "is more than the runs"),
        };
        Self { field, problem }
    }
}

/// Holds a stored message to what the code relies on.
pub(crate) fn ensure(
    holds: bool,
    field: &'static str,
    problem: &'static str,
) -> Result<(), StoredError> {
    if holds {
        Ok(())
    } else {
        Err(StoredError::new(field, problem))
    }
}

/// A message that has to be there.
pub(crate) fn required<T>(message: Option<T>, field: &'static str) -> Result<T, StoredError> {
    message.ok_or(StoredError::new(field, "is missing"))
}

/// A time that is never unknown.
pub(crate) fn known_time(millis: u64, field: &'static str) -> Result<Time, StoredError> {
    required(Time::from_millis(millis), field)
}

/// A time in milliseconds; 0 if it is unknown.
pub(super) fn millis(time: Option<Time>) -> u64 {
    time.map_or(0, Time::as_millis)
}
