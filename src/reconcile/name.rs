//! Names that events give to rooms and users.

use std::sync::Arc;

use crate::domain::Time;

/// A name, and the time of the event that gave it. The greater of two is the one that
/// counts: the later, or of two at one time the greater text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DatedName {
    /// When the event happened.
    pub(crate) at: Option<Time>,
    /// The name; not empty.
    pub(crate) name: Arc<str>,
}
