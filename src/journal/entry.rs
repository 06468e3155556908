//! What the journal keeps: entries, and how each is found.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    domain::{AppName, Time},
    providers::{Decoded, Product},
};

/// An entry's place in the journal: 1, 2, 3 …, one order for the whole service.
/// 0 is the place before the first.
pub type Revision = u64;

/// Which journal a revision is of. Revisions of two epochs cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

/// What the journal keeps.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When this process received it. The only clock that state may depend on:
    /// whoever reads the journal later must come to the same state.
    pub received_at: Time,
    /// What was received.
    pub payload: Payload,
}

/// What was received.
#[derive(Clone, Debug)]
pub enum Payload {
    /// An authentic callback.
    Callback(Callback),
    /// Time passed: whatever is due to be forgotten by now is forgotten.
    Tick,
}

/// An authentic callback, verbatim.
#[derive(Clone, Debug)]
pub struct Callback {
    /// The app it is for.
    pub app: AppName,
    /// Which product of which vendor sent it.
    pub product: Product,
    /// The query of the request, without its `?`.
    pub query: Arc<str>,
    /// The body of the request.
    pub body: Bytes,
    /// What the body decodes to: derived from the other fields, so not kept by
    /// a journal that stores its entries, but decoded again.
    pub decoded: Arc<Decoded>,
}
