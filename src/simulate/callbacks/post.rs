//! A callback as it goes over the wire.

/// A callback as it goes over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) path: &'static str,
    pub(crate) query: String,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

pub(super) const JSON: &str = "application/json";
