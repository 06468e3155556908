//! What can go wrong with a journal of any kind.

use std::{error::Error, fmt, io, sync::Arc};

use super::{entry::Revision, unappliable::Unappliable};

/// An error of a journal's store. It is shared by all appenders that waited for the store.
#[derive(Clone)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

/// Why an entry could not be made durable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The journal has no follower yet, so an entry would not become visible.
    #[error("the journal is not followed yet")]
    NotFollowed,
    /// The journal's store refused.
    #[error("the journal cannot store: {0}")]
    Store(#[source] Cause),
    /// The journal has ended, because this entry or one before it cannot be applied. The entry
    /// may be durable.
    #[error(transparent)]
    Unappliable(#[from] Unappliable),
    /// The journal is being closed, or its thread ended.
    #[error("the journal is closed")]
    Closed,
}

/// Why a journal cannot be followed from a revision on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// The entries after that revision were dropped, or are not there yet.
    #[error("the journal has no entries right after revision {after}")]
    Gap {
        /// The revision to go on from.
        after: Revision,
    },
    /// An entry cannot be applied. The follower must not be used any more.
    #[error(transparent)]
    Unappliable(#[from] Unappliable),
    /// The journal's store cannot be read.
    #[error(transparent)]
    Store(Cause),
}

/// The kind of the I/O error that an error comes from; `None` if it comes from none. A full
/// disk is [`io::ErrorKind::StorageFull`].
pub fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        next = error.source();
    }
    None
}

// === impl Cause ===

impl Cause {
    /// Wraps an error.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into().into())
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The wrapped error itself, so that callers can downcast to it.
        Some(&*self.0)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Two causes are equal if their messages and the kinds of their I/O errors are.
impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string() && io_kind(self) == io_kind(other)
    }
}

impl Eq for Cause {}
