//! What a journal lost.

use std::fmt;

use super::{Revision, StoreError};

/// Entries that are missing, or cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The revision of the first of them.
    pub first: Revision,
    /// The revision of the last. `None` if the journal's end is lost: nothing tells how many
    /// entries it had, or whether it had any.
    pub last: Option<Revision>,
    /// Why they are lost.
    pub reason: StoreError,
}

/// What a journal lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// The entries, in their order.
    pub lost: Vec<Loss>,
    /// The files that are damaged, whether entries are lost with it or not.
    pub damaged: Vec<String>,
}

impl Losses {
    /// Whether everything is there.
    pub fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.damaged.is_empty()
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            first,
            last,
            reason,
        } = self;
        match last {
            Some(last) if last == first => write!(f, "revision {first}")?,
            Some(last) => write!(f, "revisions {first} to {last}")?,
            None => write!(f, "revisions from {first} on, if there were any")?,
        }
        write!(f, ": {reason}")
    }
}
