//! Checkpoints: what a roster was at one revision, so that a start need not read the
//! journal from its beginning.
//!
//! The roster says [what was captured](crate::roster::Capture). `read` and `write` say how that
//! is stored, as opaque records in an order. A [store](CheckpointStore) keeps the records.

mod disk;
#[cfg(test)]
pub(crate) mod memory;
mod read;
mod records;
mod retention;
mod store;
mod subjects;
mod upkeep;
mod write;

pub use self::{
    disk::DiskCheckpoints,
    read::{ReadError, read, read_of},
    store::{CheckpointStore, RecordSink, Records, WriteRecords},
    upkeep::{Checkpoints, Lease},
    write::{Stats, write},
};

#[cfg(test)]
mod tests;
