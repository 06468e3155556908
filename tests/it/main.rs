//! The tests of the whole service and of its parts, in one program: one module for each
//! subject, and `common` for what several share.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails like one")]

mod architecture;
mod checkpoint;
mod cli;
mod clocks;
mod common;
mod config;
mod crash;
#[cfg(unix)]
mod descriptors;
mod disk_full;
mod grpc;
mod journal;
mod logs;
mod metrics;
mod reconcile;
mod roster;
mod secure;
mod simulate;
mod toy_provider;
mod webhook;
