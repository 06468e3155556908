//! Where an entry is in the journal.

use crate::{domain::Time, journal::Revision};

/// The entry that is being applied: its place in the journal, in order and in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryPosition {
    pub(crate) revision: Revision,
    /// When it happened: a callback when it was received, a tick at journal time.
    pub(crate) at: Time,
}
