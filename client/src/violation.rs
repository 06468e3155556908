//! The ways in which a stream can break its contract.

/// How a stream broke its contract. The copy is void then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A stream that does not resume did not begin with a snapshot.
    #[error("a stream must begin with a snapshot")]
    SnapshotExpected,
    /// Something else came before a snapshot was complete.
    #[error("a snapshot at revision {0} was cut short")]
    SnapshotCut(u64),
    /// A part of a snapshot has another revision, or another subject, than those before.
    #[error("parts of one snapshot differ: revision {before}, then {part}")]
    PartsDiffer {
        /// The revision of the parts before.
        before: u64,
        /// The revision of this part.
        part: u64,
    },
    /// A snapshot or progress is older than the copy.
    #[error("the revision went back from {before} to {now}")]
    RevisionBack {
        /// The copy's revision.
        before: u64,
        /// The message's revision.
        now: u64,
    },
    /// The revision of changes is not above the copy's.
    #[error("changes at revision {now} came when the copy was at {before}")]
    ChangesNotAbove {
        /// The copy's revision.
        before: u64,
        /// The message's revision.
        now: u64,
    },
    /// A message that completes or changes a copy has no resume token, or an
    /// incomplete part of a snapshot has one.
    #[error("a resume token is {}", if *.present { "on an incomplete snapshot" } else { "missing" })]
    ResumeToken {
        /// Whether there is one.
        present: bool,
    },
    /// A change does not fit the copy. It adds what is there (such as a user who joins
    /// twice), it removes or changes what is not there, or it opens a room that is not
    /// empty.
    #[error("{change} does not fit: the copy has {}", if *.present { "it" } else { "none" })]
    DoesNotFit {
        /// The change that the server sent, and the id that it is about.
        change: String,
        /// Whether the copy has that id. Of an opened room: whether it has users.
        present: bool,
    },
    /// A message lacks a part that it must have.
    #[error("{0:?} is missing")]
    Missing(MissingPart),
    /// The copy is not what the server has.
    #[error(
        "the copy drifted: it counts {count} with digest {digest:016x}, where the server has {server_count} with {server_digest:016x}"
    )]
    Drift {
        /// How many users the copy counts. Of a user: how many devices.
        count: u32,
        /// The copy's digest.
        digest: u64,
        /// How many the server counts.
        server_count: u32,
        /// The server's digest.
        server_digest: u64,
    },
}

/// A part that a message must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingPart {
    /// The update of a response. Also one of a kind that this version does not know.
    Update,
    /// The kind of a change. Also a kind that this version does not know.
    Change,
    /// The room.
    Room,
    /// The user.
    User,
    /// The device.
    Device,
}

/// The violation by a change of `id` that expects the opposite of `present`.
pub(crate) fn does_not_fit(change: &str, id: &str, present: bool) -> Violation {
    Violation::DoesNotFit {
        change: format!("{change} of {id:?}"),
        present,
    }
}

/// A part of a message that must be there.
pub(crate) fn required<T>(part: &Option<T>, missing: MissingPart) -> Result<&T, Violation> {
    part.as_ref().ok_or(Violation::Missing(missing))
}
