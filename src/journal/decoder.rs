//! How the callbacks of stored entries are decoded.

use std::{fmt, sync::Arc};

use crate::domain::{Decoded, ProductName};

/// Says what a stored callback means. A journal stores callbacks as they were received and
/// does not know any vendor, so it is given one of these when it is opened.
#[derive(Clone)]
pub struct Decoder(Arc<Decode>);

type Decode = dyn Fn(&str, &str, &[u8]) -> Option<(ProductName, Decoded)> + Send + Sync;

impl Decoder {
    /// A decoder that calls a function with the name of the product, the query and the body of
    /// a callback. The function has to return the same for the same arguments, and `None`
    /// only if there is no product of that name.
    pub fn new(
        decode: impl Fn(&str, &str, &[u8]) -> Option<(ProductName, Decoded)> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(decode))
    }

    /// Decodes a callback; `None` if there is no product of that name.
    pub(super) fn decode(
        &self,
        product: &str,
        query: &str,
        body: &[u8],
    ) -> Option<(ProductName, Decoded)> {
        (self.0)(product, query, body)
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decoder")
    }
}
