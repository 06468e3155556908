//! The journal on disk. An entry is durable when it is synced.
//!
//! One thread writes. It makes all entries that came in during a sync durable with the next
//! one, so a slow disk makes batches larger instead of making each callback wait for a sync
//! of its own. Entries are stored in segments. `docs/journal.md` describes the files and the
//! reasons for them.

mod archive;
mod draft;
mod journal;
mod log;
mod remains;
mod requests;
mod room;
#[cfg(test)]
mod salvage_tests;
mod segment;
mod status;
#[cfg(test)]
mod tests;
mod writer;

pub use self::{archive::Archive, draft::Draft, journal::DiskJournal, log::Sealed};
