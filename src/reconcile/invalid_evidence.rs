//! What can be wrong with evidence that is restored from a checkpoint.

/// Restored evidence that no sequence of events results in. The reconciler relies on its
/// absence, so it refuses such evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidEvidence {
    /// Two lives of a room have the same id.
    DuplicateIncarnation,
    /// A user is listed for a life that is not.
    UnknownIncarnation,
    /// A life that closed and cannot open again has users.
    ClosedIncarnationWithUsers,
    /// Two users of one life have the same id.
    DuplicateUser,
    /// A user is listed without any session.
    UserWithoutSessions,
    /// Two sessions of one user have the same id.
    DuplicateSession,
    /// There are more runs of numbers than are ever kept.
    TooManyRuns,
    /// Runs of numbers do not ascend, or two runs touch and would be one run.
    RunsOutOfOrder,
    /// More numbers are said to be seen than the runs contain.
    MoreSeenThanInRuns,
}
