//! The gRPC contract, through the generated client: fields and codes to the
//! letter, pages, streams, and the end of the server.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails like one")]

mod answers;
mod errors;
mod pages;
mod presence;
mod rooms;
mod serving;
#[path = "../support/mod.rs"]
mod support;
mod users;
mod watches;
