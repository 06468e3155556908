//! Users: who is online on which devices, in which rooms, and what a watcher of
//! a user is told.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails like one")]

mod atomic;
mod devices;
mod follow;
mod properties;
mod rooms;
#[path = "../support/mod.rs"]
mod support;
