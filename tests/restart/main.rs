//! What a restart keeps, what it refuses to start with, and what it says meanwhile.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails like one")]

mod checkpoints;
mod refusals;
mod replay;
mod room;
#[path = "../service/mod.rs"]
mod service;
mod tokens;
