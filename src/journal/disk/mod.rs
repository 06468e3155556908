//! The journal on disk: an entry is safe when it is synced.
//!
//! One thread writes. What came in while it was syncing is made durable by the
//! next sync together, so the disk sets the pace of a burst's batches and not of
//! its callbacks. Entries are kept in segments; what they add up to is kept in
//! checkpoints, so that a start need not read all of them. `docs/journal.md`
//! describes the folder and why it is made so.

mod archive;
mod draft;
mod journal;
mod log;
mod segment;
mod status;
#[cfg(test)]
mod tests;
mod writer;

pub use self::{archive::Archive, draft::Draft, journal::DiskJournal};
