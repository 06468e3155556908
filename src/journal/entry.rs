//! What the journal keeps, and how an entry is identified.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::{AppName, Decoded, ProductName, Time};

/// The position of an entry in the journal: 1, 2, 3 …, in one order for the whole service. 0
/// is the position before the first entry.
pub type Revision = u64;

/// Identifies a journal. Revisions of journals with different epochs cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

/// What the journal keeps.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When this process received it, by a clock that is never far ahead of the vendors'. State
    /// may depend on no other clock, because a process that reads the journal later must come to
    /// the same state.
    pub received_at: Time,
    /// What was received.
    pub payload: Payload,
}

/// What was received.
#[derive(Clone, Debug)]
pub enum Payload {
    /// An authentic callback.
    Callback(Callback),
    /// Time passed: what is due to be forgotten by then is forgotten. The time of the latest tick
    /// is the journal's time.
    Tick,
}

/// An authentic callback, as it was received.
#[derive(Clone, Debug)]
pub struct Callback {
    /// The app it is for.
    pub app: AppName,
    /// Which product of which vendor sent it.
    pub product: ProductName,
    /// The query of the request, without its `?`.
    pub query: Arc<str>,
    /// The body of the request.
    pub body: Bytes,
    /// What the callback says. It is derived from the other fields, so a journal does not
    /// store it, and decodes the callback again when it is read.
    pub decoded: Arc<Decoded>,
}
