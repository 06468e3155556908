//! Watches of the roster, step by step: what a watcher is told, in what order,
//! and what is left when it goes.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails like one")]

mod history;
mod leftovers;
mod listing;
mod resume;
mod steps;
#[path = "../support/mod.rs"]
mod support;
mod together;
