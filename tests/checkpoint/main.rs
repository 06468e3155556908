//! Checkpoints: whatever a roster is when one is taken, and whatever happens
//! meanwhile, the roster that is made of it goes on as if it were the first.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails like one")]

mod concurrent;
mod damage;
#[path = "../users/follow.rs"]
#[allow(dead_code, reason = "only what folds is used")]
mod follow;
mod journal;
mod properties;
#[path = "../reconcile/mod.rs"]
mod reconcile;
mod replica;
mod resume;
#[path = "../support/mod.rs"]
mod support;
mod wire;
