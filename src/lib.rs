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
//! [`cli`] and [`simulate`] are the other side, as is the crate [`headcount_client`].

pub mod access;
pub mod admin;
pub mod checkpoint;
pub mod cli;
pub mod config;
pub mod control;
pub mod domain;
pub mod grpc;
pub mod journal;
pub mod net;
pub mod providers;
pub mod reconcile;
pub mod remote;
pub mod roster;
pub mod server;
pub mod simulate;
mod stored;
pub mod tls;
pub mod webhook;

/// The gRPC contract: its messages, generated from `proto/`.
pub use headcount_client::pb;
