//! Checkpoints: whatever a roster is when one is taken, and whatever happens
//! meanwhile, the roster that is made of it goes on as if it were the first.
mod concurrent;
mod damage;
#[allow(dead_code, reason = "only what folds is used")]
mod journal;
mod properties;
mod replica;
mod resume;
mod wire;
