//! Names that events give to rooms and users.

use std::sync::Arc;

use crate::domain::Time;

/// A name, and the time of the event that gave it. Of two, the greater one counts: the later
/// one, or the greater text if the times are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DatedName {
    /// When the event happened.
    pub(crate) at: Option<Time>,
    /// The name; not empty.
    pub(crate) name: Arc<str>,
}
