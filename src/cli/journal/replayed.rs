//! The result of a replay.

use serde::Serialize;

use super::compare::Differences;
use crate::journal::Revision;

/// The result of a replay.
#[derive(Debug, Default, Serialize)]
pub(super) struct Replayed {
    /// After which revision it began; 0 if at the beginning.
    pub(super) after: Revision,
    /// The last revision replayed.
    pub(super) through: Revision,
    /// Callbacks of apps that are not configured: they are not replayed.
    pub(super) left_out: u64,
    pub(super) open_rooms: u64,
    pub(super) users_in_rooms: u64,
    pub(super) users_online: u64,
    /// The checkpoint that it is compared with.
    pub(super) compared_with: Option<Revision>,
    #[serde(flatten)]
    pub(super) differences: Differences,
    pub(super) written: Option<WrittenFolder>,
}

/// A folder that was written.
#[derive(Debug, Serialize)]
pub(super) struct WrittenFolder {
    pub(super) folder: String,
    pub(super) epoch: String,
    pub(super) first_revision: Revision,
    pub(super) last_revision: Revision,
}
