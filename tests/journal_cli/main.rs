//! `headcount journal` as a process, on folders that a journal made.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails like one")]

mod archive;
mod export;
mod folder;
mod inspect;
mod refused;
mod replay;
