//! Where checkpoints are kept. A store knows nothing of what is in a checkpoint.

use std::{fmt, io};

use bytes::Bytes;

use crate::journal::{Revision, StoreError};

/// The records of a checkpoint, in the order in which they were written. They end with
/// the first error.
pub type Records = Box<dyn Iterator<Item = Result<Bytes, StoreError>> + Send>;

/// Takes the next record of a checkpoint that is being written.
pub type RecordSink<'a> = &'a mut dyn FnMut(Bytes) -> io::Result<()>;

/// Hands all records of a checkpoint to a sink, in their order. It fails with the sink's
/// error, or with its own.
pub type WriteRecords<'a> = Box<dyn FnOnce(RecordSink<'_>) -> io::Result<()> + 'a>;

/// Keeps checkpoints, each under the revision that it is at. All of its functions block.
pub trait CheckpointStore: Send + Sync + fmt::Debug {
    /// Where the checkpoints are, for messages: for instance `the data folder data`.
    fn location(&self) -> &str;

    /// The revisions that there are checkpoints at, the latest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn list(&self) -> Result<Vec<Revision>, StoreError>;

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// When there is none at this revision, or it cannot be read.
    fn read(&self, revision: Revision) -> Result<Records, StoreError>;

    /// Writes a checkpoint, in place of one at the same revision. It is there, whole and
    /// durable, when this returns.
    ///
    /// # Errors
    /// When `records` fails or the store cannot be written to. The checkpoint is not there
    /// then.
    fn write(&self, revision: Revision, records: WriteRecords<'_>) -> Result<(), StoreError>;

    /// Sets a checkpoint aside that does not load: it is no longer listed, and is kept for
    /// an operator to look at.
    ///
    /// # Errors
    /// When the store cannot be written to.
    fn set_aside(&self, revision: Revision) -> Result<(), StoreError>;

    /// Removes checkpoints.
    ///
    /// # Errors
    /// When one of them cannot be removed. Those before it are removed then.
    fn remove(&self, revisions: &[Revision]) -> Result<(), StoreError>;
}
