//! How the callbacks of stored entries are decoded.

use std::{fmt, sync::Arc};

use super::{entry::Revision, unappliable::Unappliable};
use crate::domain::{Decoded, ProductName};

/// Says what a stored callback means. A journal stores callbacks as they were received and
/// does not know any vendor, so it is given one of these when it is opened.
#[derive(Clone)]
pub struct Decoder {
    decode: Arc<Decode>,
    /// Entries that are not decoded, because that or what follows from it panicked.
    quarantined: Arc<[Revision]>,
}

/// What a callback that is quarantined means.
const QUARANTINED: &str = "it is quarantined";

type Decode = dyn Fn(&str, &str, &[u8]) -> Option<(ProductName, Decoded)> + Send + Sync;

impl Decoder {
    /// A decoder that calls a function with the name of the product, the query and the body of
    /// a callback. The function has to return the same for the same arguments, and `None`
    /// only if there is no product of that name.
    pub fn new(
        decode: impl Fn(&str, &str, &[u8]) -> Option<(ProductName, Decoded)> + Send + Sync + 'static,
    ) -> Self {
        Self {
            decode: Arc::new(decode),
            quarantined: Arc::default(),
        }
    }

    /// A decoder that does not look at callbacks.
    pub(super) fn of_nothing() -> Self {
        let decoded = |_: &str, _: &str, _: &[u8]| {
            let product = ProductName::new("unknown");
            Some((product, Decoded::undecodable("it is not decoded")))
        };
        Self::new(decoded)
    }

    /// A decoder for which the entries of these revisions have no effect either.
    pub(super) fn quarantining(&self, revisions: &[Revision]) -> Self {
        Self {
            decode: Arc::clone(&self.decode),
            quarantined: self.quarantined.iter().chain(revisions).copied().collect(),
        }
    }

    /// Decodes the callback of an entry; `None` if there is no product of that name.
    pub(super) fn decode(
        &self,
        revision: Revision,
        product: &str,
        query: &str,
        body: &[u8],
    ) -> Result<Option<(ProductName, Decoded)>, Unappliable> {
        if self.quarantined.contains(&revision) {
            // Of an empty callback, it says what the product is.
            let decoded = Unappliable::guard(revision, || (self.decode)(product, "", b""))?;
            return Ok(decoded.map(|(product, _)| (product, Decoded::undecodable(QUARANTINED))));
        }
        Unappliable::guard(revision, || (self.decode)(product, query, body))
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decoder")
    }
}
