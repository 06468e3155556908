//! The revision and the time of an entry.

use crate::{domain::Time, journal::Revision};

/// The revision and the time of the entry that is being applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryPosition {
    pub(crate) revision: Revision,
    /// When a callback was received; the journal's time for a tick.
    pub(crate) at: Time,
}
