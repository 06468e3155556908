//! Checkpoints: a roster as records, and back.
//!
//! A start reads the latest checkpoint and applies only the entries after it. The roster
//! says [what was captured](crate::roster::Capture); this module says how that is stored, as
//! opaque records in an order, and a store keeps the records.

mod read;
mod records;
mod subjects;
mod write;

pub use self::{
    read::{ReadError, read},
    write::{Sink, Stats, write},
};

#[cfg(test)]
mod tests;
