//! When a watch sends.

pub(super) mod rate;
pub(super) mod shared_wakeup;
pub(super) mod silence;
