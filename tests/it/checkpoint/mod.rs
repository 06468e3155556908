//! Checkpoints: a roster that is restored from a checkpoint behaves like the original one,
//! whatever the state of the original was and whatever happened during the capture.
mod concurrent;
mod damage;
#[allow(dead_code, reason = "only what folds is used")]
pub(crate) mod journal;
mod journal_time;
mod properties;
pub(crate) mod replica;
mod resume;
mod wire;
