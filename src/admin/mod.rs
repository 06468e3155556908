//! The admin front: what operators see, and what they can do.
//!
//! `serve` has the connections, `routes` what is asked, `door` who may ask it. A route is added
//! in `routes`: its handler takes a `Reader` or an `Operator`,
//! or neither if everybody may ask.
//!
//! No part of the service knows the registry of metrics, and there is no global one: each part
//! has a struct of its metrics that registers itself, and `server` passes the registry around.

mod browser;
mod door;
mod front;
#[cfg(target_os = "linux")]
mod process;
mod registry;
mod routes;
mod serve;

pub use self::{
    door::AdminPolicy,
    front::{AdminFront, AdminMetrics, AdminParts, Reload, ReloadError},
    registry::MetricsRegistry,
    serve::{CONNECTIONS_MAX, serve},
};
