//! What can go wrong with a data folder.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use super::lock::LockError;
use crate::journal::{Unappliable, entry::Revision, error::Cause};

/// Why a data folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process uses it, or it cannot be locked.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Its files cannot be used.
    #[error("the data folder {}: {source}", path.display())]
    Store {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
}

/// What is wrong with the files of a data folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A file cannot be read or written.
    #[error("{file}: {source}")]
    Failed {
        /// Its name.
        file: String,
        /// Why.
        source: Cause,
    },
    /// A file was changed since it was written.
    #[error("{file} is damaged: {reason}")]
    Damaged {
        /// Its name.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Entries are missing between others.
    #[error("the journal lacks the entries of revisions {first} to {last}, {place}")]
    Missing {
        /// The first missing entry.
        first: Revision,
        /// The last missing entry.
        last: Revision,
        /// Where they are missing: in, before or after which file.
        place: String,
    },
    /// Entries are missing at the end.
    #[error("the journal ends before revision {after}, at which there is a checkpoint")]
    Lost {
        /// The last revision that has to be there.
        after: Revision,
    },
    /// The segment that was begun last is missing, and with it the entries that it held.
    #[error("{file} is missing: it is the last segment, with the entries from revision {first} on")]
    End {
        /// Its name.
        file: String,
        /// Its first revision.
        first: Revision,
    },
    /// An entry cannot be decoded, because the code that decodes it panicked.
    #[error(transparent)]
    Unappliable(#[from] Unappliable),
    /// There is no callback to be quarantined.
    #[error("there is no callback of revision {revision} that could be quarantined")]
    NoCallback {
        /// The revision.
        revision: Revision,
    },
    /// A file is of another journal.
    #[error("{file} is of another data folder")]
    Foreign {
        /// Its name.
        file: String,
    },
    /// What is stored is of two journals that have the same epoch and different entries.
    #[error(
        "{file} does not go on from what is before revision {revision}: files of two copies of the data folder are mixed, or only some of them were restored; restore the whole folder from one backup"
    )]
    OtherHistory {
        /// The name of the file where they part.
        file: String,
        /// The first revision that does not fit.
        revision: Revision,
    },
    /// The folder holds no journal.
    #[error("it holds no journal")]
    Nothing,
    /// The folder is not empty.
    #[error("it is not empty")]
    Occupied,
    /// The folder was written by another version.
    #[error("the data folder is of format {version}, and this version reads format 1")]
    Version {
        /// Its format.
        version: u32,
    },
}

impl OpenError {
    pub(crate) fn store(path: &Path, source: StoreError) -> Self {
        let path = path.to_owned();
        Self::Store { path, source }
    }
}

impl StoreError {
    /// Whether a file is damaged. If not, it may only be that it cannot be read now.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }

    /// Whether it says that entries are lost: missing, or in a damaged file.
    pub fn is_loss(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::Missing { .. } | Self::Lost { .. } | Self::End { .. } => {
                true
            }
            Self::Failed { .. }
            | Self::Unappliable(_)
            | Self::NoCallback { .. }
            | Self::Foreign { .. }
            | Self::OtherHistory { .. }
            | Self::Nothing
            | Self::Occupied
            | Self::Version { .. } => false,
        }
    }

    pub(crate) fn failed(file: &str, error: io::Error) -> Self {
        Self::Failed {
            file: file.to_owned(),
            source: Cause::new(error),
        }
    }

    pub(crate) fn folder(error: io::Error) -> Self {
        Self::failed("its files cannot be listed", error)
    }

    pub(crate) fn missing(
        first: Revision,
        last: Revision,
        place: &str,
        file: impl fmt::Display,
    ) -> Self {
        Self::Missing {
            first,
            last,
            place: format!("{place} {file}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{AppendError, FollowError, io_kind};

    #[test]
    fn a_full_disk_is_told_apart_through_every_error() {
        let full = || StoreError::failed("x.segment", io::ErrorKind::StorageFull.into());
        assert_eq!(io_kind(&full()), Some(io::ErrorKind::StorageFull));
        let append = AppendError::Store(Cause::new(full()));
        assert_eq!(io_kind(&append), Some(io::ErrorKind::StorageFull));
        let follow = FollowError::Store(Cause::new(full()));
        assert_eq!(io_kind(&follow), Some(io::ErrorKind::StorageFull));
        let open = OpenError::Store {
            path: "data".into(),
            source: full(),
        };
        assert_eq!(io_kind(&open), Some(io::ErrorKind::StorageFull));
        assert_eq!(io_kind(&AppendError::Closed), None);
        assert_eq!(
            append.to_string(),
            "the journal cannot store: x.segment: no storage space"
        );
    }
}
