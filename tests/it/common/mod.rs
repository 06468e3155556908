//! What several subjects' tests share.

pub(crate) mod child;
pub(crate) mod dice;
pub(crate) mod in_process;
pub(crate) mod properties;
pub(crate) mod raw_http2;
