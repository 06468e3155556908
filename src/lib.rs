//! Headcount: who is in every room, right now.
//!
//! Vendors report logins and logouts by HTTP callback; this service reconciles
//! them into one truth and serves it by gRPC. Data flows one way, and each module
//! knows those before it only through what they hand on:
//!
//! [`webhook`] takes a callback in, [`providers`] verify and decode it into
//! [events](domain), the [`journal`] makes it durable and numbers it, the
//! [`roster`] applies it, in that order, to a room or a user of [`reconcile`], which decide
//! what it means, and [`grpc`] answers and streams. [`server`] wires them up;
//! [`client`], [`cli`] and [`simulate`] are the other side.

pub mod admin;
pub mod cli;
pub mod client;
pub mod config;
pub mod domain;
pub mod grpc;
pub mod journal;
pub mod net;
pub mod providers;
pub mod reconcile;
pub mod roster;
pub mod server;
pub mod simulate;
mod stored;
pub mod webhook;

/// The gRPC contract, generated from `proto/`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::clone_on_ref_ptr)]
pub mod pb {
    tonic::include_proto!("headcount.v1");

    /// The compiled proto files, for server reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] =
        include_bytes!(concat!(env!("OUT_DIR"), "/headcount.v1.fds.bin"));
}
