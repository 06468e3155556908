//! What several subjects' tests share.

pub(crate) mod child;
pub(crate) mod in_process;
