//! What can be wrong with evidence that is restored instead of applied.

/// Restored evidence that no events add up to. The reconciler relies on these not
/// occurring, so it refuses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Impossible {
    /// Two lives of a room have one id.
    IncarnationTwice,
    /// A life that closed for good has users.
    UsersOfAClosedIncarnation,
    /// Two users of one life have one id.
    UserTwice,
    /// A user of whom nothing is known is listed.
    NoSessions,
    /// Two sessions of one user have one id.
    SessionTwice,
    /// More runs of numbers are kept apart than ever are.
    TooManyRuns,
    /// Runs of numbers do not ascend, or they touch and would be one.
    RunsOutOfOrder,
    /// More numbers were seen than the runs contain.
    SeenOutsideOfRuns,
}
