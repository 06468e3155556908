//! The ways in which a stream can break its contract.

/// How a stream broke its contract. The copy is void then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A stream that does not resume did not begin with a snapshot.
    #[error("a stream must begin with a snapshot")]
    SnapshotExpected,
    /// A snapshot was not finished before something else came.
    #[error("a snapshot at revision {0} was cut short")]
    SnapshotCut(u64),
    /// A part of a snapshot is of another revision, or subject, than those before.
    #[error("parts of one snapshot differ: revision {before}, then {part}")]
    PartsDiffer {
        /// The revision of the parts before.
        before: u64,
        /// The revision of this part.
        part: u64,
    },
    /// A snapshot or progress is older than what was known.
    #[error("the revision went back from {before} to {now}")]
    RevisionBack {
        /// The copy's revision.
        before: u64,
        /// The message's.
        now: u64,
    },
    /// Changes are not above everything before.
    #[error("changes at revision {now} came when the copy was at {before}")]
    ChangesNotAbove {
        /// The copy's revision.
        before: u64,
        /// The message's.
        now: u64,
    },
    /// A message that completes or changes a copy has no resume token, or an
    /// incomplete part of a snapshot has one.
    #[error("a resume token is {}", if *.present { "on an incomplete snapshot" } else { "missing" })]
    ResumeToken {
        /// Whether there is one.
        present: bool,
    },
    /// A change does not fit the copy: a user joined who was there, or left or
    /// changed who was not, or a room opened that was not empty; or a device or a
    /// room of a user was there, or not, against what the change says.
    #[error("{change} does not fit: the copy has {}", if *.present { "it" } else { "none" })]
    DoesNotFit {
        /// What the server sent, and of whom.
        change: String,
        /// Whether the copy has it (or, of an opened room, users).
        present: bool,
    },
    /// A message lacks a part that it must have.
    #[error("{0:?} is missing")]
    Missing(Missing),
    /// The copy is not what the server has.
    #[error(
        "the copy drifted: it counts {count} with digest {digest:016x}, where the server has {server_count} with {server_digest:016x}"
    )]
    Drift {
        /// The copy's users or, of a user, devices.
        count: u32,
        /// The copy's digest.
        digest: u64,
        /// The server's.
        server_count: u32,
        /// The server's digest.
        server_digest: u64,
    },
}

/// A part that a message must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The update of a response; or one of a kind that this version knows not.
    Update,
    /// What a change is; or one of a kind that this version knows not.
    Change,
    /// The room.
    Room,
    /// The user.
    User,
    /// The device.
    Device,
}
